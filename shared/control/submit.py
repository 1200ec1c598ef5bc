"""Write a new sweep to the store, or continue an existing one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.config.frozen import changed_keys, config_hash, job_of, to_plain
from shared.config.schema import SweepJob
from shared.config.searched import space_of
from shared.control.steer import resume_sweep
from shared.domain.errors import ConfigError, Conflict
from shared.domain.sweep import Limits, Sweep, SweepState
from shared.execution.source import code_version
from shared.storage.folders import sweep_folder, write_yaml
from shared.storage.records import holds_runs, write_sweep
from shared.store.store import Store


@dataclass(frozen=True)
class Submitted:
    """The sweep in the store, and whether it was there before."""

    sweep: Sweep
    existed: bool
    notes: tuple[str, ...] = ()


def submit(store: Store, job: SweepJob) -> Submitted:
    """Create the job's sweep, or continue the one of the same name.

    Raises Conflict when that one has another config, ConfigError when the folder cannot be created.
    """
    known = store.sweeps.find(job.sweep_run)
    if known is not None:
        return _continue(store, known, job)
    earlier, notes = _earlier(store, job)
    make_folder(job)
    try:
        sweep = store.sweeps.create(new_sweep(job, now=store.sweeps.now()), observations=earlier)
    except Conflict:  # somebody else submitted it just now
        return _continue(store, store.sweeps.get(job.sweep_run), job)
    write_folder(store, sweep, job)
    return Submitted(sweep, existed=False, notes=tuple(notes))


def _earlier(store: Store, job: SweepJob) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the observations of `sweep.warm_start`, stored now so that a replay has the same ones, and notes."""
    if not job.sweep.warm_start:
        return [], []
    from shared.control.observations import read_earlier  # numpy, which no other sweep needs here

    return read_earlier(store, job, space_of(job))


def _continue(store: Store, known: Sweep, job: SweepJob) -> Submitted:
    _refuse_another(known, job)
    if known.state is SweepState.PAUSED or known.state is SweepState.STOPPING:
        known = resume_sweep(store, known.name)
    return Submitted(known, existed=True)


def new_sweep(job: SweepJob, *, now: float) -> Sweep:
    """Return the first record of a job's sweep."""
    limits = Limits(
        **job.budget.model_dump() | {"max_runs": _most_runs(job)},
        parallelism=job.parallelism,
        look_ahead=job.look_ahead,
        max_consecutive_failures=job.max_consecutive_failures,
        max_stuck_attempts=job.max_stuck_attempts,
    )
    return Sweep(
        version=1,
        name=job.sweep_run,
        goal=job.sweep.goal,
        queue=job.queue,
        limits=limits,
        config=to_plain(job),
        config_hash=config_hash(job),
        code=code_version(job),
        created_at=now,
    )


def _most_runs(job: SweepJob) -> int | None:
    """Return the budget of runs; a grid has no more than its combinations."""
    if job.sweep.method != "grid":
        return job.budget.max_runs
    from shared.domain.grid import Grid  # numpy, which no other sweep needs here

    grid = Grid(space_of(job), points=job.sweep.grid_points)
    return grid.size if job.budget.max_runs is None else min(job.budget.max_runs, grid.size)


def _refuse_another(known: Sweep, job: SweepJob) -> None:
    # Hash the stored config again: a key that a later version added, at its default, is no difference.
    stored = job_of(known)
    if config_hash(stored) != config_hash(job):
        changes = "; ".join(map(str, changed_keys(stored, job)))
        raise Conflict(
            f"sweep {known.name} exists with another config ({changes}): "
            "choose another sweep_run, or give the same config to resume it"
        )


def make_folder(job: SweepJob) -> None:
    """Make the folder of the job's sweep. Raises ConfigError when that fails, Conflict when it holds runs."""
    # Called before the sweep is in the store, because workers start its runs at once.
    folder = sweep_folder(Path(job.data_dir), job.sweep_run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be created: {error.strerror}"
        raise ConfigError(problem, place=str(folder), remedy="choose another --data-dir") from None
    if holds_runs(folder):
        raise Conflict(
            f"{folder} holds runs of a sweep that this store does not know: bring it back with "
            f"`sweepctl restore {folder}`; to start a new sweep, choose another sweep_run, or move that folder away"
        )


def write_folder(store: Store, sweep: Sweep, job: SweepJob) -> None:
    """Write the config and the record of a new sweep to its folder."""
    content = {
        "sweep": sweep.name,
        "sweep_run": sweep.name,
        "wandb_sweep_id": None,
        "wandb_path": None,
        "config_hash": sweep.config_hash,
    }
    folder = sweep_folder(Path(job.data_dir), sweep.name)
    write_yaml(folder / "config.yaml", content)
    write_sweep(folder, sweep)
    if job.wandb.mode != "off":  # so that the tracker gets its events even if the sweep ends at once
        store.sweeps.set_tracked_position(sweep.name, 0)
