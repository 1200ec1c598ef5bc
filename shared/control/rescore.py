"""Score the trained runs of a sweep again with another suite, as a new sweep: nothing is trained."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.config.compose import recompose
from shared.config.frozen import changed_keys, job_of
from shared.config.names import check_name, slug
from shared.config.overrides import COMMAND_LINE
from shared.config.schema import SweepJob
from shared.control.steps import OnStep, ignore_step
from shared.control.submit import make_folder, new_sweep, submit, write_folder
from shared.domain.errors import ConfigError, Conflict, NotFound
from shared.domain.run import Checkpoint, Run, RunState, adopt, run_id
from shared.domain.sweep import Sweep
from shared.storage.checkpoints import copy_checkpoint
from shared.storage.folders import RunFolder, runs_root, sweep_folder
from shared.storage.records import write_run, write_sweep
from shared.store.store import Store

TRAINED = (RunState.TRAINED, RunState.EVALUATING, RunState.OBSERVED)
SCORING = ("sim.", "sweep.metric", "sweep.goal")
MAY_DIFFER = (*SCORING, "sweep.warm_start", "device", "queue")


@dataclass(frozen=True)
class Rescored:
    """The new sweep, whether it was there before, and the runs that are not part of it, each with the reason."""

    sweep: Sweep
    existed: bool
    left_out: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        left_out = [{"run": run, "why": why} for run, why in self.left_out]
        facts = {"sweep": self.sweep.name, "state": self.sweep.state, "of": self.sweep.origin}
        return {**facts, "runs": self.sweep.limits.max_runs, "existed": self.existed, "left_out": left_out}


def rescoring_job(
    old: Sweep,
    overrides: Sequence[str],
    *,
    sim: str | None = None,
    name: str | None = None,
    config_dir: Path | None = None,
    data_dir: Path | None = None,
) -> SweepJob:
    """Return the job that scores the runs of `old` with the suite `sim`, or with its own suite as changed by
    `overrides`.

    Raises ConfigError for anything that would need a training, and for a suite that cannot score.
    """
    old_job, usual = job_of(old), slug(f"{old.name}-{sim or 'rescored'}")
    asked = [*([f"sim={sim}"] if sim else []), *overrides]
    job = recompose(old_job, asked, sweep_run=check_name(name or usual), config_dir=config_dir, data_dir=data_dir)
    job = job.model_copy(update={"sweep": job.sweep.model_copy(update={"warm_start": []})})
    changes = changed_keys(old_job, job)
    if forbidden := [change for change in changes if not change.path.startswith(MAY_DIFFER)]:
        problem = f"{forbidden[0].old} -> {forbidden[0].new}, but rescore trains nothing"
        raise ConfigError(problem, place=COMMAND_LINE, path=forbidden[0].path, remedy="change keys of sim only")
    if not job.is_evaluated:
        raise ConfigError("sim has no simulations, so nothing would be evaluated", remedy="choose a suite with --sim")
    if not job.sim.gives(job.sweep.metric):
        problem = f"the suite {job.sim.name} does not measure {job.sweep.metric}, the metric of sweep {old.name}"
        raise ConfigError(problem, remedy="add sweep.metric=reward")
    if not any(change.path.startswith(SCORING) for change in changes):
        problem = f"sweep {old.name} was scored in this way already"
        raise ConfigError(problem, remedy="choose another suite with --sim, or set sim.KEY=...")
    return job


def rescore(
    store: Store, old: Sweep, job: SweepJob, *, here: Path | None = None, on_step: OnStep = ignore_step
) -> Rescored:
    """Put the job's sweep into the store with every run of `old` that was trained, waiting for the evaluators.

    The checkpoints are linked into the folders of the new sweep, whose budget has no room for more runs. `on_step` is
    called with (done, of how many) after each run. `here` is this machine's data folder, if it differs from the one of
    the submit. A repeated call continues with the existing sweep. Raises NotFound when there is nothing to score,
    Conflict when the name belongs to another sweep.
    """
    known = store.sweeps.find(job.sweep_run)
    if known is not None:
        if known.origin != old.name:
            raise Conflict(f"sweep {known.name} exists, and does not rescore {old.name}: choose another name with --as")
        return Rescored(submit(store, job).sweep, existed=True)
    old_job = job_of(old)
    place = runs_root(old_job.runs_dir, old_job.data_dir, old.name, here=here or Path())
    everything = store.runs.all(old.name)
    if not any(_fault(run) is None for run in everything):
        raise NotFound(f"no run of sweep {old.name} was trained and has a checkpoint: see `sweepctl runs {old.name}`")
    make_folder(job)
    runs: list[Run] = []
    left_out: list[tuple[str, str]] = []
    origins: dict[int, int] = {}
    for done, run in enumerate(everything, start=1):
        number = len(runs) + 1
        try:
            checkpoint = _copied(run, place, Path(job.runs_dir) / run_id(job.sweep_run, number))
        except NotFound as reason:
            left_out.append((run.id, str(reason)))
        else:
            metrics = {name: value for name, value in run.metrics.items() if _is_from_training(name, old_job)}
            runs.append(adopt(run, checkpoint, sweep=job.sweep_run, number=number, queue=job.queue, metrics=metrics))
            origins[number] = run.number
        on_step(done, len(everything))
    if not runs:
        raise NotFound(f"no checkpoint of sweep {old.name} can be read; {left_out[-1][0]}: {left_out[-1][1]}")
    _keep_curves(store, old.name, job.sweep_run, origins)
    sweep = _new_sweep(job, old, len(runs), now=store.sweeps.now())
    # Write the mirrors first: an evaluator may claim a run as soon as the store has it, and then it writes the mirror.
    write_sweep(sweep_folder(Path(job.data_dir), job.sweep_run), sweep)
    for run in runs:
        write_run(RunFolder(Path(job.runs_dir) / run.id), run)
    made = store.sweeps.create(sweep, runs=runs)
    write_folder(store, made, job)
    return Rescored(made, existed=False, left_out=tuple(left_out))


def _copied(run: Run, place: Path, target: Path) -> Checkpoint:
    """Return a copy of the run's last checkpoint. Raises NotFound when there is none to score."""
    if fault := _fault(run):
        raise NotFound(fault)
    assert run.checkpoint is not None
    shutil.rmtree(RunFolder(target).checkpoints, ignore_errors=True)  # files of an interrupted call
    return copy_checkpoint(RunFolder(place / run.id), run.checkpoint, RunFolder(target))


def _fault(run: Run) -> str | None:
    """Return why a run has nothing to score; None if it has."""
    if run.state not in TRAINED:
        return f"it is {run.state}"
    return "it has no checkpoint" if run.checkpoint is None else None


def _is_from_training(metric: str, job: SweepJob) -> bool:
    """Whether a metric of a run came from its training: the metrics of its earlier evaluation are not kept."""
    return metric != "score" and not job.sim.gives(metric)


def _keep_curves(store: Store, old: str, new: str, origins: dict[int, int]) -> None:
    reported = store.runs.progress(old, origins.values())
    store.runs.keep_progress(new, {number: reported[was] for number, was in origins.items() if was in reported})


def _new_sweep(job: SweepJob, old: Sweep, runs: int, *, now: float) -> Sweep:
    """Return the record of the new sweep. If its budget is raised, the search continues after the old suggestions."""
    born = new_sweep(job, now=now)
    spent = {"max_runs": runs, "max_cost": None, "max_hours": None, "target_score": None}
    limits = born.limits.model_copy(update=spent)
    return born.model_copy(update={"limits": limits, "created": runs, "memory": {"n": old.created}, "origin": old.name})
