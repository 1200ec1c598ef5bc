"""Mirrors of records in the folders: what `restore` reads when the store is lost, and nobody else.

<sweep's folder>/sweep.json   the sweep as it was submitted
<run's folder>/run.json       the run as it was at its last claim, checkpoint or end
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from shared.domain.errors import NotFound, Unreadable
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.storage.folders import RunFolder, write_text

log = logging.getLogger(__name__)
SWEEP_FILE = "sweep.json"
BORN_WITH = {"name", "goal", "queue", "limits", "config", "config_hash", "code", "created_at", "origin"}
Record = TypeVar("Record", Run, Sweep)


def write_run(folder: RunFolder, run: Run) -> None:
    """Mirror a run's record. The store has the truth: a disk that takes no file is only logged."""
    _write(folder.record_file, run)


def write_sweep(folder: Path, sweep: Sweep) -> None:
    """Mirror what a sweep was born with into its folder."""
    _write(folder / SWEEP_FILE, sweep, only=BORN_WITH)


def read_sweep(folder: Path) -> Sweep:
    """Return the sweep whose folder this is. Raises NotFound, and Unreadable for what another version wrote."""
    sweep = _read(folder / SWEEP_FILE, Sweep)
    if sweep.name != folder.name:
        raise Unreadable(f"{folder / SWEEP_FILE} is of sweep {sweep.name}: give its folder that name again")
    return sweep


def read_runs(folder: Path) -> list[tuple[float, Run]]:
    """Return the runs in a sweep's folder, each with the time of its mirror (s), by that time.

    A run that nobody ever claimed has none. Raises Unreadable for what another version wrote.
    """
    found = []
    for place in (folder / "runs").glob("*/"):
        file = RunFolder(place).record_file
        if file.exists():
            run = _read(file, Run)
            if run.id != place.name:
                raise Unreadable(f"{file} is of run {run.id}: give its folder that name again")
            found.append((file.stat().st_mtime, run))
    return sorted(found, key=lambda pair: (pair[0], pair[1].number))


def holds_runs(folder: Path) -> bool:
    """Whether runs were trained in a sweep's folder."""
    return any((folder / "runs").glob("*/run.json"))


def _write(file: Path, record: Run | Sweep, only: set[str] | None = None) -> None:
    try:
        write_text(file, record.model_dump_json(exclude_defaults=True, exclude={"commits"}, include=only))
    except OSError as error:
        log.warning("%s cannot be written: %s", file, error.strerror)


def _read(file: Path, kind: type[Record]) -> Record:
    try:
        return kind.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"no {file}: name the folder of a sweep, <data_dir>/sweep/<sweep_run>") from None
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Unreadable(
            f"{file} was written by another version: {key}: {first['msg'].lower()}: install that version"
        ) from None
