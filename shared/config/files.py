"""Where config files are searched for, and how Hydra reads only files that were checked."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.config.guard import Checked, check_file
from shared.domain.errors import ConfigError
from shared.domain.wording import nearest, one_line, show, wrong_value

if TYPE_CHECKING:
    from hydra.plugins.config_source import ConfigSource
    from omegaconf import DictConfig

PRIMARY: Final = "sweep_job"
GROUPS: Final = ("trainer", "sim", "sweep", "wandb", "hardware")
_OPTION: Final = re.compile(r"[A-Za-z0-9_][\w.+-]*(/[A-Za-z0-9_][\w.+-]*)*")
_CHOICE: Final = re.compile(r"override\s+/(\w+)\s*$")  # in a defaults list, without a package of its own
_RANK: Final = {"hardware": 3, "sweep": 2, PRIMARY: 1}  # what is merged later, and so explains a value


@dataclass(frozen=True)
class Loaded:
    """One file that went into a config."""

    shown: str
    config_path: str
    package: str
    checked: Checked

    def line_of(self, path: str) -> int | None:
        """Return the line that sets the dotted key `path` of the whole config, if this file does."""
        inner = path.removeprefix(f"{self.package}.") if self.package else path
        return self.checked.lines.get(inner) if inner != path or not self.package else None


@dataclass(frozen=True)
class ConfigDirs:
    """The folders in which a file is searched for, and what was read from them. The first folder that has it counts."""

    dirs: tuple[Path, ...]
    loaded: list[Loaded] = field(default_factory=list)

    def options(self, group: str) -> list[str]:
        """Return the names that can be chosen in `group`, for example `quick` in `sweep`."""
        found = {
            file.relative_to(folder / group).with_suffix("").as_posix()
            for folder in self.dirs
            for file in sorted((folder / group).rglob("*.yaml"))
        }
        return sorted(found)

    def is_group(self, name: str) -> bool:
        """Whether `name` is a folder of alternatives."""
        return name in GROUPS or (
            bool(_OPTION.fullmatch(name)) and any(_is_folder(folder / name) for folder in self.dirs)
        )

    def check_option(self, group: str, name: str) -> str:
        """Return `name` if `group` has such a config; raise ConfigError with the names that it has."""
        names = self.options(group)
        if name in names:
            return name
        remedy = ""
        if name.endswith((".yaml", ".yml")):
            remedy = "write the name without folder and ending, and give the folder as --config-dir"
        elif any((folder / group / f"{name[:99]}.yml").is_file() for folder in self.dirs if _OPTION.fullmatch(name)):
            remedy = f"rename {name}.yml to {name}.yaml"
        raise ConfigError(
            "no such config",
            path=f"{group}={name if _OPTION.fullmatch(name) else ascii(name[:60])}",
            meant=None if remedy else nearest(name, names),
            expected=f"one of {', '.join(names)} in {self.shown(group)}" if names else "",
            remedy=remedy or ("" if names else f"add one to {self.shown(group)}"),
        )

    def shown(self, group: str = "") -> str:
        """Return the folders, relative to the working folder."""
        return ", ".join(_shown(folder / group) for folder in self.dirs)

    def where(self, path: str) -> str | None:
        """Return `file:line` where the dotted key `path` is set, None if no file sets it."""
        ranked = sorted(self.loaded, key=lambda one: _RANK.get(one.config_path.split("/")[0], 0), reverse=True)
        for file in ranked:
            line = file.line_of(path)
            if line is not None:
                return f"{file.shown}:{line}"
        return None

    def sets(self, group: str, key: str) -> bool:
        """Whether a file of `group` that was read sets the dotted key `key`."""
        return any(one.config_path.startswith(f"{group}/") and one.line_of(key) is not None for one in self.loaded)


def installed_dir() -> Path:
    """Return the folder of the configs of this package, installed or as a checkout."""
    return Path(__file__).resolve().parents[2] / "configs"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, a folder without the right to read it
        return False


def find_dirs(config_dir: Path | None = None, *, cwd: Path | None = None) -> ConfigDirs:
    """Return the folders to search for files: `config_dir`, then ./configs, then the installed ones."""
    if config_dir is not None and not _is_folder(config_dir):
        raise wrong_value("--config-dir", str(config_dir), "a folder that exists")
    wanted = [config_dir, (cwd or Path.cwd()) / "configs", installed_dir()]
    dirs = dict.fromkeys(folder.resolve() for folder in wanted if folder is not None and folder.is_dir())
    if not any((folder / f"{PRIMARY}.yaml").is_file() for folder in dirs):
        problem = f"no {PRIMARY}.yaml in {', '.join(map(str, dirs)) or 'any folder'}"
        raise ConfigError(problem, remedy="install this package again")
    return ConfigDirs(tuple(dirs))


def load_configs(dirs: ConfigDirs, overrides: Sequence[str]) -> tuple[DictConfig, dict[str, Any]]:
    """Compose the files that `overrides` (config groups only) choose; return the config and the choices by group.

    Raises ConfigError for a file that is missing, is refused by the guard, or does not fit the others.
    """
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from shared.config.hydra_internals import compose_files

    try:
        with warnings.catch_warnings():  # about a missing _self_: its place does not matter to most configs
            warnings.simplefilter("ignore")
            config, choices = compose_files(dirs.dirs, PRIMARY, overrides, source=_checked_source(dirs))
    except MissingConfigException as error:
        raise _missing(error, dirs) from None
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"cannot be composed: {one_line(error.__cause__ or error)}", place=dirs.shown()) from None
    OmegaConf.set_struct(config, False)
    return config, choices


def default_groups(dirs: ConfigDirs) -> set[str]:
    """Return the groups in the defaults list of sweep_job.yaml: they are replaced, others are added."""
    import yaml

    path = next(folder / f"{PRIMARY}.yaml" for folder in dirs.dirs if (folder / f"{PRIMARY}.yaml").is_file())
    written = yaml.safe_load(check_file(path, shown=_shown(path)).text) or {}
    entries = written.get("defaults")
    return {
        str(key).removeprefix("override ").split("@")[0].lstrip("/").strip()
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        for key in entry
    }


def _missing(error: Any, dirs: ConfigDirs) -> ConfigError:
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    if group and dirs.is_group(group):
        try:
            dirs.check_option(group, name)
        except ConfigError as better:
            return better
    return ConfigError(one_line(error), place=dirs.shown())


def _checked_source(dirs: ConfigDirs) -> type[ConfigSource]:
    from hydra.plugins.config_source import ConfigResult
    from omegaconf import OmegaConf

    from shared.config.hydra_internals import FileConfigSource

    class CheckedFileSource(FileConfigSource):
        """Hydra's file source, which checks each file with the guard first."""

        @staticmethod
        def scheme() -> str:
            return "checked"

        def load_config(self, config_path: str) -> ConfigResult:
            path = Path(self.path, f"{config_path.removesuffix('.yaml')}.yaml")
            if ".." in Path(config_path).parts or Path(config_path).is_absolute():
                raise ConfigError(got=show(config_path), expected=f"the name of a config inside {self.path}")
            shown = _shown(path)
            checked = check_file(path, shown=shown)
            header = _header(checked.text, shown)
            header["package"] = _package(header["package"], config_path)
            package = "" if header["package"] == "_global_" else str(header["package"] or "")
            dirs.loaded.append(Loaded(shown, config_path.removesuffix(".yaml"), package, checked))
            try:
                config = OmegaConf.create(checked.text)
            except Exception as error:
                raise ConfigError(f"cannot be read: {one_line(error)}", place=shown) from None
            if package == "":
                _drop_hydra(config, shown)
            elif package == "sweep":
                _lift_choices(config)
            return ConfigResult(provider=self.provider, path=f"checked://{self.path}", config=config, header=header)

    return CheckedFileSource


def _header(text: str, shown: str) -> dict[str, str | None]:
    from shared.config.hydra_internals import header_of

    try:
        return header_of(text)
    except ValueError as error:
        raise ConfigError(one_line(error), place=f"{shown}:1", remedy="write `# @package _global_`") from None


def _drop_hydra(config: Any, shown: str) -> None:
    """Remove Hydra's own settings: they configure Hydra's runs, and files of a search path would not be checked."""
    settings = config.pop("hydra", None)
    if isinstance(settings, Mapping) and "searchpath" in settings:
        remedy = "give the folder as --config-dir"
        raise ConfigError("has no effect here", place=shown, path="hydra.searchpath", remedy=remedy)
    entries = config.get("defaults")
    if isinstance(entries, Sequence) and not isinstance(entries, str):
        config["defaults"] = [entry for entry in entries if not _is_hydras(entry)]


def _lift_choices(config: Any) -> None:
    """Let a sweep choose its trainer by `override /trainer: mine`, which Hydra would look for below `sweep`."""
    entries = config.get("defaults")
    if isinstance(entries, Sequence) and not isinstance(entries, str):
        config["defaults"] = [_lifted(entry) for entry in entries]


def _lifted(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return {_CHOICE.sub(r"override /\1@_global_.\1", str(key)): value for key, value in entry.items()}


def _is_hydras(entry: Any) -> bool:
    groups = [str(key).removeprefix("override ").strip(" /") for key in entry] if isinstance(entry, Mapping) else []
    return any(group.startswith("hydra/") for group in groups)


def _package(written: str | None, config_path: str) -> str | None:
    """Return the package of a file: published presets write `__global__`; sweep/atari/mine belongs to `sweep`."""
    if written in ("__global__", "_global_"):
        return "_global_"
    group = config_path.split("/")[0]
    if group == "hardware" and written is None:
        return "_global_"
    return group if written is None and group in GROUPS else written


def _shown(path: Path) -> str:
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
