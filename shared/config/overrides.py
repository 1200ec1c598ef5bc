"""What is written behind a command, in Hydra's grammar: `sweep=full +hardware=macbook trainer.total_timesteps=1e6`."""

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
            raise ConfigError(f"the sweep is named twice: {show(sweep)} and sweep={groups['sweep']}; keep one of them")
        groups["sweep"] = dirs.check_option("sweep", sweep)
    return ParsedOverrides(written, groups, tuple(settings))


def read_values(texts: Sequence[str]) -> dict[str, Any]:
    """Read key=value pairs that name no config and add nothing. Raises ConfigError for a fault or a repeated key."""
    values: dict[str, Any] = {}
    for text in texts:
        override = _parse_one(text)
        key = str(override.key_or_group)
        if override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None:
            raise ConfigError(f"command line: got {show(text)}, expected key=value")
        if key in values:
            raise ConfigError(f"command line: {key} is given twice; keep one of them")
        values[key] = override.value()
    return values


def apply(settings: Sequence[Setting], config: DictConfig) -> list[Setting]:
    """Write the settings into `config`, in order; return those that set a key which was not there."""
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
            raise ConfigError(f"command line: {setting.key}: cannot be set: {one_line(error)}") from None
        if not there and not setting.adds:
            added.append(setting)
    return added


def _take_name(texts: Sequence[str]) -> tuple[str | None, list[str]]:
    """Take the sweep's name out as it is written: 001 and 1e3 are names, not numbers."""
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
        raise ConfigError(f"run={show(names['run'])} and sweep_run={show(names['sweep_run'])} name the same; keep one")
    name = next(iter(names.values()), None)
    return (None if name in (None, "null") else check_name(name)), rest


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"" else value


def _sort_in(text: str, dirs: ConfigDirs, groups: dict[str, str], settings: list[Setting]) -> None:
    override = _parse_one(text)
    key, value = str(override.key_or_group), override.value()
    if key.split(".")[0].split("/")[0] == "hydra":
        raise ConfigError(f"command line: {show(key)}: Hydra's own settings have no effect here; leave it out")
    if not dirs.is_group(key) or isinstance(value, dict):
        if override.package is not None:
            raise ConfigError(f"command line: {key}@{override.package}: there is no config group {show(key)}")
        adds = override.is_add() or override.is_force_add()
        settings.append(Setting(key, value, adds=adds, removes=override.is_delete()))
        return
    if override.is_delete() or override.package is not None or not isinstance(value, str | int):
        choices = ", ".join(f"{key}={option}" for option in dirs.options(key))
        raise ConfigError(f"command line: {show(text)}: expected the name of a config: {choices}")
    groups[key] = dirs.check_option(key, _unquote(text.partition("=")[2].strip()))


def _parse_one(text: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, equals, _ = text.partition("=")
    if not key.strip("+ ") or (not equals and not text.startswith("~")):
        raise ConfigError(f"command line: got {show(text)}, expected key=value, for example trainer.num_envs=32")
    try:
        override = OverridesParser.create().parse_override(text)
    except (HydraException, ValueError, RecursionError):
        raise ConfigError(
            f"command line: {show(key)}: cannot be read; if it is for the value, put that in quotes twice: "
            f"{_plain(key)}=\"'...'\""
        ) from None
    if override.is_sweep_override():
        raise ConfigError(
            f"command line: {show(key)}: got several values, expected one; a list is written {_plain(key)}=[a,b], "
            "and what is to be searched belongs under `parameters` of a sweep"
        )
    return override


def _plain(key: str) -> str:
    return key if key.replace(".", "").replace("_", "").isalnum() else "key"


def _holds(config: DictConfig, key: str) -> bool:
    from omegaconf import DictConfig as Mapping_

    node: Any = config
    *parents, last = key.split(".")
    for parent in parents:
        node = node._get_node(parent) if isinstance(node, Mapping_) and parent in node.keys() else None  # noqa: SIM118
    return isinstance(node, Mapping_) and last in node.keys()  # noqa: SIM118 - `in` is False for null


def _remove(setting: Setting, config: DictConfig, *, there: bool) -> None:
    from omegaconf import OmegaConf

    if not there:
        raise ConfigError(f"command line: ~{setting.key}: there is no such key to remove")
    parent, _, last = setting.key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    del node[last]


def _leaves(key: str, value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [leaf for inner, below in value.items() for leaf in _leaves(f"{key}.{inner}", below)]
    return [key]


def _touch(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
