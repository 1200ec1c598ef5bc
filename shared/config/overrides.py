"""Overrides on the command line, in Hydra's grammar: `sweep=full +hardware=macbook trainer.total_timesteps=1e6`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.config.files import ConfigDirs
from shared.config.names import check_name
from shared.domain.errors import ConfigError
from shared.domain.wording import one_line, show

if TYPE_CHECKING:
    from omegaconf import DictConfig

COMMAND_LINE = "command line"
_NAME_KEYS = ("sweep_run", "run")


@dataclass(frozen=True)
class Setting:
    """One value set, added (`+`) or removed (`~`) by an override."""

    key: str
    value: Any
    adds: bool = False
    removes: bool = False

    def leaves(self) -> list[str]:
        """Return the dotted keys that it touches."""
        return list(_leaves(self.key, self.value)) if not self.removes else [self.key]


@dataclass(frozen=True)
class ParsedOverrides:
    """The overrides, sorted by what they do: name the sweep, choose files, set values."""

    sweep_run: str | None
    groups: dict[str, str]
    settings: tuple[Setting, ...]

    def sets(self, key: str) -> bool:
        """Whether the dotted `key`, or something below or above it, is written on the command line."""
        return any(_touch(leaf, key) for setting in self.settings for leaf in setting.leaves())


def parse_overrides(texts: Sequence[str], dirs: ConfigDirs, *, sweep: str | None = None) -> ParsedOverrides:
    """Read the overrides; `sweep` is the sweep named as a positional argument. Raise ConfigError for a fault."""
    written, rest = _take_name(texts)
    groups: dict[str, str] = {}
    settings: list[Setting] = []
    for text in rest:
        _sort_in(text, dirs, groups, settings)
    if sweep is not None:
        if "sweep" in groups:
            problem = f"two names of a sweep: {show(sweep)} and sweep={groups['sweep']}"
            raise ConfigError(problem, place=COMMAND_LINE, remedy="keep one of them")
        groups["sweep"] = dirs.check_option("sweep", sweep)
    return ParsedOverrides(written, groups, tuple(settings))


def read_values(texts: Sequence[str]) -> dict[str, Any]:
    """Read key=value pairs that name no config and add nothing. Raises ConfigError for a fault or a repeated key."""
    values: dict[str, Any] = {}
    for text in texts:
        override = _parse_one(text)
        key = str(override.key_or_group)
        if override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None:
            raise ConfigError(place=COMMAND_LINE, got=show(text), expected="key=value")
        if key in values:
            raise ConfigError("written twice", place=COMMAND_LINE, path=key, remedy="keep one of them")
        values[key] = override.value()
    return values


def apply(settings: Sequence[Setting], config: DictConfig) -> list[Setting]:
    """Write the settings into `config`, in order; return the ones that added a key."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    added = []
    for setting in settings:
        try:
            there = _holds(config, setting.key)
            if setting.removes:
                _remove(setting, config, there=there)
            else:
                OmegaConf.update(config, setting.key, setting.value, merge=True, force_add=True)
        except (OmegaConfBaseException, ValueError, TypeError) as error:
            problem = f"cannot be set: {one_line(error)}"
            raise ConfigError(problem, place=COMMAND_LINE, path=setting.key) from None
        if not there and not setting.adds:
            added.append(setting)
    return added


def _take_name(texts: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the sweep's name as it is written, since 001 and 1e3 are names, and the other overrides."""
    names: dict[str, str] = {}
    rest = []
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip().lstrip("+")
        if equals and key in _NAME_KEYS:
            names[key] = _unquote(value)
        else:
            rest.append(text)
    if len(names) == 2:
        problem = f"run={show(names['run'])} and sweep_run={show(names['sweep_run'])} both set the name of the sweep"
        raise ConfigError(problem, place=COMMAND_LINE, remedy="keep one of them")
    name = next(iter(names.values()), None)
    return (None if name in (None, "null") else check_name(name)), rest


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"" else value


def _sort_in(text: str, dirs: ConfigDirs, groups: dict[str, str], settings: list[Setting]) -> None:
    override = _parse_one(text)
    key, value = str(override.key_or_group), override.value()
    if key.split(".")[0].split("/")[0] == "hydra":
        problem = "Hydra's own settings have no effect here"
        raise ConfigError(problem, place=COMMAND_LINE, path=_shown(key), remedy="remove it")
    if not dirs.is_group(key) or isinstance(value, dict):
        if override.package is not None:
            raise ConfigError(
                f"{show(key)} is not a config group", place=COMMAND_LINE, path=f"{key}@{override.package}"
            )
        adds = override.is_add() or override.is_force_add()
        settings.append(Setting(key, value, adds=adds, removes=override.is_delete()))
        return
    if override.is_delete() or override.package is not None or not isinstance(value, str | int):
        choices = ", ".join(f"{key}={option}" for option in dirs.options(key))
        raise ConfigError(place=COMMAND_LINE, got=show(text), expected=f"the name of a config: {choices}")
    groups[key] = dirs.check_option(key, _unquote(text.partition("=")[2].strip()))


def _parse_one(text: str) -> Any:
    from hydra.errors import HydraException

    from shared.config.hydra_internals import parse_override

    key, equals, _ = text.partition("=")
    if not key.strip("+ ") or (not equals and not text.startswith("~")):
        expected = "key=value, for example trainer.num_envs=32"
        raise ConfigError(place=COMMAND_LINE, got=show(text), expected=expected)
    try:
        override = parse_override(text)
    except (HydraException, ValueError, RecursionError):
        remedy = f"put quotes around the value, and quotes for the shell around those: {_plain(key)}=\"'...'\""
        raise ConfigError("cannot be read", place=COMMAND_LINE, path=_shown(key), remedy=remedy) from None
    if override.is_sweep_override():
        remedy = f"write a list as {_plain(key)}=[a,b]; put a parameter to search under `parameters` of a sweep"
        problem = "several values"
        raise ConfigError(problem, place=COMMAND_LINE, path=_shown(key), expected="one value", remedy=remedy)
    return override


def _is_plain(key: str) -> bool:
    return key.isascii() and key.replace(".", "").replace("_", "").isalnum()


def _plain(key: str) -> str:
    return key if _is_plain(key) else "key"


def _shown(key: str) -> str:
    """Quote a key that may contain anything."""
    return key if _is_plain(key) else show(key)


def _holds(config: DictConfig, key: str) -> bool:
    from omegaconf import DictConfig as Mapping_

    node: Any = config
    *parents, last = key.split(".")
    for parent in parents:
        node = _below(node, parent)
    return isinstance(node, Mapping_) and last in node.keys()  # noqa: SIM118 - `in` is False for null


def _below(node: Any, key: str) -> Any:
    """Return what `node` holds under `key`, None for an interpolation or a missing value: nothing is resolved here."""
    from omegaconf import DictConfig as Mapping_
    from omegaconf import OmegaConf

    if not isinstance(node, Mapping_) or key not in node.keys():  # noqa: SIM118
        return None
    unresolved = OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key)
    return None if unresolved else node[key]


def _remove(setting: Setting, config: DictConfig, *, there: bool) -> None:
    from omegaconf import OmegaConf

    if not there:
        raise ConfigError("no such key to remove", place=COMMAND_LINE, path=f"~{setting.key}")
    parent, _, last = setting.key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    del node[last]


def _leaves(key: str, value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [leaf for inner, below in value.items() for leaf in _leaves(f"{key}.{inner}", below)]
    return [key]


def _touch(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
