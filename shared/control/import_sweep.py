"""Convert a sweep file of another product: read, convert, validate, and only then write."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from shared.config.compose import compose
from shared.config.guard import check_file
from shared.config.names import slug
from shared.config.wandb_sweep import Imported, convert_sweep
from shared.control.write import write_new, write_output
from shared.domain.errors import ConfigError
from shared.domain.wording import show

SOURCES = ("wandb",)


@dataclass(frozen=True)
class Done:
    """The files that were written, notes on what is different in them, and the command that runs the sweep."""

    sweep: Path
    trainer: Path
    notes: tuple[str, ...]
    command: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        files = {"sweep": str(self.sweep), "trainer": str(self.trainer)}
        return {**files, "notes": list(self.notes), "command": self.command}


def import_file(source: str, file: Path, output: Path | None, *, force: bool) -> Done:
    """Write the sweep of `file` to `output`, and its trainer beside it.

    Raises ConfigError, with file and line, for what cannot be converted or would not load; Conflict for a file that
    exists, unless `force`.
    """
    if source not in SOURCES:
        raise ConfigError(f"no import from {show(source)}", expected=f"one of {', '.join(SOURCES)}")
    sweep = output or Path("configs/sweep") / f"{slug(file.stem)}.yaml"
    if sweep.suffix != ".yaml" or sweep.parent.name != "sweep":
        expected = "a .yaml file in a folder called sweep"
        raise ConfigError(
            path="--output", got=str(sweep), expected=expected, remedy="use for example configs/sweep/mine.yaml"
        )
    trainer = sweep.parents[1] / "trainer" / sweep.name
    imported = _read(file)
    texts = {sweep: _sweep_text(imported, file, sweep.stem), trainer: _trainer_text(imported, file)}
    _try(texts, sweep.stem, imported.overrides)
    if force:
        for place, text in texts.items():
            write_output(text, place)
    else:
        write_new(texts, option="--output, or overwrite it with --force")
    return Done(sweep, trainer, imported.notes, _command(sweep, imported))


def _read(file: Path) -> Imported:
    checked = check_file(file)
    written = yaml.safe_load(checked.text)
    try:
        return convert_sweep(written)
    except ConfigError as error:
        raise error.at(f"{file}:{_line(checked.lines, error.fault.path)}") from None


def _line(lines: dict[str, int], key: str) -> int:
    """Return the line of a dotted key of the file or of its `parameters`, or of the nearest key above it."""
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        *sections, last = parts[:count]
        inside = ".".join(f"parameters.{section}" for section in sections)
        for path in (".".join(parts[:count]), f"parameters.{key}", f"{inside}.{last}", f"{inside}.parameters.{last}"):
            if path.lstrip(".") in lines:
                return lines[path.lstrip(".")]
    return 1


def _sweep_text(imported: Imported, file: Path, name: str) -> str:
    return (
        f"# From {file.name}, a sweep of Weights & Biases.\n"
        "defaults:\n"
        f"  - override /trainer: {name}\n"
        "  - override /sim: none   # the script's own metric is the score\n\n" + _yaml(imported.sweep)
    )


def _trainer_text(imported: Imported, file: Path) -> str:
    return f"# What {file.name} starts. {{args}} stands for --name=value of each parameter.\n" + _yaml(imported.trainer)


class _Dumper(yaml.SafeDumper):
    """Writes a parameter on one line."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        return super().represent_mapping(tag, mapping, flow_style=True if "distribution" in mapping else flow_style)


def _yaml(data: dict[str, Any]) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)


def _try(texts: dict[Path, str], name: str, overrides: tuple[str, ...]) -> None:
    """Raise ConfigError unless the files compose to a valid job."""
    with TemporaryDirectory() as folder:
        for place, text in texts.items():
            copy = Path(folder) / place.parent.name / place.name
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(text, encoding="utf-8")
        try:
            compose(name, overrides, config_dir=Path(folder))
        except ConfigError as error:
            raise error.at(_converted(error.fault.place, Path(folder))) from None


def _converted(place: str, folder: Path) -> str:
    """Return a place in the validated copies without their temporary folder."""
    written = Path(place)
    return f"the converted {written.relative_to(folder)}" if written.is_relative_to(folder) else place


def _command(sweep: Path, imported: Imported) -> str:
    elsewhere = sweep.parents[1].resolve() != (Path.cwd() / "configs").resolve()
    place = ["--config-dir", str(sweep.parents[1])] if elsewhere else []
    return shlex.join(["sweepctl", "run", sweep.stem, *place, *imported.overrides])
