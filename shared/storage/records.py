"""Copies of records in the folders, which only `restore` reads, when the store is lost.

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
from shared.domain.wording import another_version
from shared.storage.folders import RunFolder, write_text

log = logging.getLogger(__name__)
SWEEP_FILE = "sweep.json"
AT_SUBMIT = {"name", "goal", "queue", "limits", "config", "config_hash", "code", "created_at", "origin"}
Record = TypeVar("Record", Run, Sweep)


def write_run(folder: RunFolder, run: Run) -> None:
    """Write a copy of a run's record. If the disk refuses it, that is only logged: the store has the record."""
    _write(folder.record_file, run)


def write_sweep(folder: Path, sweep: Sweep) -> None:
    """Write a copy of a sweep's record, as it was at the submit, into its folder."""
    _write(folder / SWEEP_FILE, sweep, only=AT_SUBMIT)


def read_sweep(folder: Path) -> Sweep:
    """Return the sweep of a folder. Raises NotFound, and Unreadable for a record of another version."""
    sweep = _read(folder / SWEEP_FILE, Sweep)
    if sweep.name != folder.name:
        raise Unreadable(f"{folder / SWEEP_FILE} belongs to sweep {sweep.name}; rename the folder to {sweep.name}")
    return sweep


def read_runs(folder: Path) -> list[tuple[float, Run]]:
    """Return the runs in a sweep's folder, each with the time of its copy (seconds), in the order of these times.

    A run that was never claimed has no copy. Raises Unreadable for a record of another version.
    """
    found = []
    for place in (folder / "runs").glob("*/"):
        file = RunFolder(place).record_file
        if file.exists():
            run = _read(file, Run)
            if run.id != place.name:
                raise Unreadable(f"{file} belongs to run {run.id}; rename the folder to {run.id}")
            found.append((file.stat().st_mtime, run))
    return sorted(found, key=lambda pair: (pair[0], pair[1].number))


def holds_runs(folder: Path) -> bool:
    """Whether a sweep's folder contains runs that were trained."""
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
        raise NotFound(f"no {file}; give the folder of a sweep, <data_dir>/sweep/<sweep_run>") from None
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise another_version(str(file), error.errors()) from None
