"""Works on a claimed run: supervises its job, commits how the job ended, and notifies the next worker."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from shared.config.frozen import job_of, run_config
from shared.config.schema import SweepJob
from shared.config.searched import user_params
from shared.domain.errors import ConfigError, Fenced, StoreUnreachable
from shared.domain.observation import BadScore
from shared.domain.progress import Progress
from shared.domain.run import (
    EarlyStop,
    Failure,
    FailureKind,
    Run,
    RunState,
    fail,
    lose_attempt,
    release,
    retrain,
    training_seed,
)
from shared.domain.sweep import Sweep
from shared.execution.claiming import Claimed
from shared.execution.environment import write_environment
from shared.execution.given import given_function, is_given
from shared.execution.job import Job
from shared.execution.supervise import (
    Blocked,
    Damaged,
    Ending,
    Finished,
    Lost,
    Patience,
    Stopped,
    UserFailure,
    supervise,
)
from shared.execution.user_code import USER_PATH, users_environment, users_path
from shared.execution.worker import Worker
from shared.storage.folders import RunFolder, runs_root, write_yaml
from shared.storage.records import SWEEP_FILE, write_run, write_sweep
from shared.tracking.wandb_internals import SERVICE_VARIABLE

log = logging.getLogger(__name__)
NOT_FOR_TRAININGS = ("PYTHONPATH", USER_PATH, SERVICE_VARIABLE)
"""Variables of the worker's environment that a training does not get: it has a PYTHONPATH of its own."""


@dataclass(frozen=True)
class Entry:
    """The `module:function` that a child calls: ours, or the user's if it `is_users`."""

    function: str
    is_users: bool = False


Conclude = Callable[[Run, Finished, SweepJob], Run]
"""The move of a run whose job finished. Raises BadScore if the result of the job cannot be used."""


def work_on(worker: Worker, claimed: Claimed, *, entry: Entry, phase: str, conclude: Conclude) -> None:
    """Carry out one phase of the claimed run and commit its ending once. Commit nothing if the lease is lost."""
    lease, job = claimed.lease, job_of(claimed.sweep)
    folder = folder_of(worker, claimed.sweep, lease.run)
    try:
        ending = _carry_out(worker, claimed, job, folder, entry=entry, phase=phase)
        log.info("run %s: %s ended: %s", lease.run.id, phase, _summary(ending))
        if isinstance(ending, Blocked):  # a full disk is not the run's fault: the run goes back to the queue
            log.error("run %s: %s. Fix this; retrying until then", lease.run.id, ending.why)
            worker.lifecycle.shutdown.wait(worker.settings.heartbeat_seconds)
        run = lease.commit_when_reachable(
            lambda run: _after(run, ending, job, claimed.sweep, conclude),
            prepare=lambda run: _write_files(folder, run),
            give_up=worker.lifecycle.shutdown,
            seconds=worker.settings.stop_grace_seconds,
        )
    except (Fenced, StoreUnreachable) as reason:
        log.warning("%s", reason)
        return
    worker.notifications.notify(run)


def _carry_out(
    worker: Worker, claimed: Claimed, job: SweepJob, folder: RunFolder, *, entry: Entry, phase: str
) -> Ending:
    lease, run = claimed.lease, claimed.lease.run
    progress = worker.store.runs.progress(run.sweep, [run.number]).get(run.number, Progress())
    if phase == "train":
        if run.early_stop is not None:
            return _ended_at_decision(run, run.early_stop, job, progress)
        progress = progress.resumed(run.checkpoint.step if run.checkpoint else 0, attempt=run.attempt)
    try:
        child = _prepare(worker, claimed, job, folder, entry=entry, phase=phase)
    except OSError as error:
        return Blocked(f"{folder.path} cannot be written to: {error.strerror}")
    except ConfigError as error:  # each value is valid, but they do not fit together
        return UserFailure(str(error), 0.0)
    return supervise(
        lease,
        child,
        patience=Patience(
            heartbeat=worker.settings.heartbeat_seconds,
            stop_grace=worker.settings.stop_grace_seconds,
            stall=job.trainer.stall_seconds,
        ),
        shutdown=worker.lifecycle.shutdown,
        metric=job.sweep.metric,
        cost=job.cost,
        progress=progress.model_copy(update={"total_steps": child.config["trainer"].get("total_timesteps")}),
        newest_only=phase == "eval",
    )


def folder_of(worker: Worker, sweep: Sweep, run: Run) -> RunFolder:
    """Return the folder of a run on this machine: below DATA_DIR, if this worker has its own, with the same layout."""
    job = job_of(sweep)
    return RunFolder(runs_root(job.runs_dir, job.data_dir, sweep.name, here=worker.data_dir) / run.id)


def _prepare(worker: Worker, claimed: Claimed, job: SweepJob, folder: RunFolder, *, entry: Entry, phase: str) -> Job:
    run, slot = claimed.lease.run, claimed.slot
    config = run_config(job, run.params)
    write_run(folder, run)
    if phase == "train":
        if not (folder.path.parents[1] / SWEEP_FILE).exists():  # the sweep may have been submitted in another folder
            write_sweep(folder.path.parents[1], claimed.sweep)
        _write_mirror(worker, job, folder, run)
    seed = training_seed(job.seed, run.number)
    content = {"run": run.id, "seed": seed, "params": run.params, "trainer": config["trainer"]}
    write_yaml(folder.config_file, content)
    number = run.attempt if phase == "train" else run.token
    write_environment(
        folder,
        run,
        claimed.sweep,
        phase=phase,
        number=number,
        worker=worker.id,
        slot=slot,
        seed=seed,
        code=worker.code.source(job),
    )
    return Job(
        entry=entry.function,
        is_users=entry.is_users,
        path=users_path(),
        run=run.id,
        attempt=run.attempt,
        seed=seed,
        device=slot.device if job.device == "auto" or not slot.gpus else job.device,
        config=config,
        params=user_params(job, run.params),
        given=_given(entry),
        folder=str(folder.path),
        workspace=str(folder.workspace(run.attempt)),
        checkpoints=str(folder.checkpoints),
        log_file=str(folder.log_file(phase, number)),
        threads=config["trainer"].get("num_threads") or slot.threads,
        environment={**slot.environment(), **users_environment()},
        unset=NOT_FOR_TRAININGS,
    )


def _given(entry: Entry) -> str | None:
    given = given_function() if entry.is_users and is_given(entry.function) else None
    return base64.b64encode(given.pickled).decode() if given else None


def _ended_at_decision(run: Run, stop: EarlyStop, job: SweepJob, progress: Progress) -> Finished:
    """Return the end of a training that was marked to stop early when its worker died: it is not trained further.

    Without an evaluation its score is the one at the decision; with one, its last checkpoint is evaluated.
    """
    is_metric = job.cost not in ("seconds", "steps")
    metrics = {job.sweep.metric: stop.score, **({job.cost: stop.cost} if is_metric else {})}
    unsaved = stop.cost - run.train_seconds if job.cost == "seconds" and not job.is_evaluated else 0.0
    return Finished({}, metrics, max(unsaved, 0.0), stop.step, early=True, progress=progress)


def _write_mirror(worker: Worker, job: SweepJob, folder: RunFolder, run: Run) -> None:
    """Write to the sweep's folder which run this worker has. People and other ranks read the file; we never do."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", worker.id)
    tracked = run.id if job.wandb.mode != "off" else None
    write_yaml(folder.path.parents[1] / f"dist_{name}.yaml", {"run": run.id, "wandb_run_id": tracked})


def _after(run: Run, ending: Ending, job: SweepJob, sweep: Sweep, conclude: Conclude) -> Run:
    match ending:
        case Finished(early=True) if run.cancel_requested or run.early_stop is None:
            return release(run)  # the fallback to an older checkpoint removed the mark of the early stop
        case Finished():
            try:
                return conclude(run, ending, job)
            except BadScore as reason:
                return _failed(run, "bad score", str(reason), ending.seconds)
        case UserFailure():
            return _failed(run, "user code", ending.message, ending.seconds)
        case Lost():
            return lose_attempt(run, ending.why, max_stuck=sweep.limits.max_stuck_attempts)
        case Damaged():
            return retrain(run, ending.to, ending.why, max_stuck=sweep.limits.max_stuck_attempts)
        case Stopped() | Blocked():
            return release(run)


def _write_files(folder: RunFolder, run: Run) -> None:
    # Before the commit, so that a reader of the record finds the files. A second writer writes the same.
    write_run(folder, run)
    if run.state is not RunState.OBSERVED:
        return
    content = {"run": run.id, "eval_metric": run.score, "total_time": run.train_seconds + run.eval_seconds}
    try:
        write_yaml(folder.results_file, {**content, "cost": run.cost, "steps": run.steps, "metrics": run.metrics})
    except OSError as error:  # the record has the score, too: nothing is lost
        log.error("run %s: %s cannot be written: %s", run.id, folder.results_file, error.strerror)


def _failed(run: Run, kind: FailureKind, message: str, seconds: float) -> Run:
    return fail(run, Failure(kind=kind, message=message), cost=run.train_seconds + run.eval_seconds + seconds)


def _summary(ending: Ending) -> str:
    match ending:
        case Finished(early=True):
            return "stopped early"
        case Finished():
            return "finished"
        case UserFailure():
            return ending.message
        case Lost() | Blocked() | Damaged():
            return ending.why
        case Stopped():
            return ending.reason
