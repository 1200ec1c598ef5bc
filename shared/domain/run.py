"""The life of a run: one configuration that is suggested, trained, evaluated and observed.

    queued --claim--> training --finish--> trained --claim--> evaluating --observe--> observed
       ^                 |                    ^                   |
       +--- give back ---+                    +---- give back ----+      any unfinished state -> failed, cancelled
       +------------ retrain: its checkpoint is damaged ----------+      failed, cancelled --retry--> queued, trained

A run in training may be marked to be stopped early: then its owner ends it, and it is scored by what it has.
A run that was trained in another sweep is adopted: it begins as trained, with a checkpoint and no training of its own.

Every legal move is a function `Run -> Run` in this module. The functions decide; the store commits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from shared.domain.errors import IllegalMove

Params = dict[str, Any]
"""Suggested values by dotted path, as plain data."""


class RunState(StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    TRAINING = "training"
    TRAINED = "trained"
    EVALUATING = "evaluating"
    OBSERVED = "observed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ORDER = tuple(RunState)
LEASED = frozenset({RunState.TRAINING, RunState.EVALUATING})
WAITING = frozenset({RunState.QUEUED, RunState.TRAINED})
FINISHED = frozenset({RunState.OBSERVED, RunState.FAILED, RunState.CANCELLED})
UNFINISHED = frozenset(RunState) - FINISHED
WITHOUT_SCORE = frozenset({RunState.FAILED, RunState.CANCELLED})
BIRTHS = frozenset({"suggested", "adopted"})
"""The first moves of a run."""
EVAL_QUEUE = "eval"
ASK_QUEUE = "ask"
"""The queue of runs that a program asks for: no worker serves it."""

FailureKind = Literal["user code", "bad score", "crash loop"]


class Frozen(BaseModel):
    """A value: it is replaced and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Owner(Frozen):
    """The worker that holds the lease. The token orders owners; the nonce is unique even in a rolled-back store."""

    worker: str
    token: int
    nonce: str


class Checkpoint(Frozen):
    """A committed checkpoint: its folder, relative to that of the run, and the digest of its manifest."""

    step: int
    path: str
    sha256: str
    train_seconds: float = 0.0  # of the run up to this step, over all attempts


class Failure(Frozen):
    """Why a run ended without a score."""

    kind: FailureKind
    message: str


class Prediction(Frozen):
    """What the optimizer predicted for the run when it suggested it."""

    source: str
    score: float | None = None
    score_std: float | None = None
    cost: float | None = None  # the median
    log_cost_std: float | None = None


class EarlyStop(Frozen):
    """The decision that a run ends early, with its values at that time: enough to score it if its worker dies."""

    step: int  # of the last report
    score: float  # the sweep's metric in that report
    cost: float  # of the training up to that step, in the unit of the sweep's cost
    of_steps: int | None = None  # of the whole run, if that is known
    why: str


class EarlierPoint(Frozen):
    """A shorter run within a run: the parameters that differ, its score and its cost."""

    params: Params
    score: float
    cost: float


class Run(Frozen):
    """The record of one run in the store."""

    version: int = 0  # 1 at first, then one more with each move: never the default, so always written
    schema_version: Literal[1] = 1
    id: str
    sweep: str
    number: int
    state: RunState = RunState.QUEUED
    last_move: str = "suggested"
    queue: str
    params: Params
    origin: str | None = None  # the run of another sweep that was trained for it
    prediction: Prediction
    attempt: int = 0  # starts of the training so far; the n-th start is attempt n
    stuck_attempts: int = 0  # attempts lost by infrastructure since the last progress
    progressed: bool = False  # whether this attempt committed a checkpoint beyond `furthest`
    furthest: int = -1  # step of the furthest checkpoint ever: to train up to it again is no progress
    token: int = 0  # claims so far, of trainings and evaluations
    owner: Owner | None = None
    cancel_requested: bool = False
    early_stop: EarlyStop | None = None  # set: it is not trained any further
    checkpoints: tuple[Checkpoint, ...] = ()  # the newest last; older ones may be pruned
    train_seconds: float = 0.0  # of a lost attempt only those up to its last checkpoint
    eval_seconds: float = 0.0
    steps: int = 0
    score: float | None = None
    cost: float | None = None
    metrics: dict[str, float] = {}
    trained: Params = {}  # parameters that differ from the suggestion: the length of a run that was stopped early
    earlier: tuple[EarlierPoint, ...] = ()  # shorter runs from its curve, for the optimizer
    failure: Failure | None = None
    trained_whole: bool = False  # it ended without a score after its training: a retry only evaluates it
    setback: str | None = None  # why the last attempt was lost
    other_code: str | None = None  # how the code of its training or evaluation differs from that of the submit
    started_at: float | None = None  # of this attempt, by the worker's clock: for display only
    commits: tuple[str, ...] = ()  # the last commit ids, kept by the store

    @property
    def is_finished(self) -> bool:
        """Whether the run is in one of its last states."""
        return self.state in FINISHED

    @property
    def due_queue(self) -> str | None:
        """The queue whose workers should claim this run now; None if there is none."""
        if self.state is RunState.QUEUED:
            return self.queue
        return EVAL_QUEUE if self.state is RunState.TRAINED else None

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The last committed checkpoint."""
        return self.checkpoints[-1] if self.checkpoints else None

    def move(self, name: str, **changes: object) -> Self:
        """Return the run after the move `name`: the next version, with `changes`."""
        return self.model_copy(update={"version": self.version + 1, "last_move": name, **changes})


KEPT_CHECKPOINTS = 2
"""The last one and, to fall back to, the one before it."""


def run_id(sweep: str, number: int) -> str:
    """Return the id of a sweep's n-th run."""
    return f"{sweep}.r.{number}"


def sweep_of(run: str) -> tuple[str, int]:
    """Split a run's id into its sweep and its number. Raises ValueError if it is not a run id."""
    sweep, separator, number = run.rpartition(".r.")
    if not separator or not sweep or not number.isdecimal():
        raise ValueError(f"{run!r} is not a run id: expected <sweep>.r.<number>")
    return sweep, int(number)


def training_seed(seed: int, number: int) -> int:
    """Return the seed of the n-th run's training: different for each run, the same for each attempt."""
    return (seed * 1_000_003 + number) % 2**31


def suggest(*, sweep: str, number: int, queue: str, params: Params, prediction: Prediction) -> Run:
    """Return a new run, waiting for a trainer."""
    return Run(
        version=1,
        id=run_id(sweep, number),
        sweep=sweep,
        number=number,
        queue=queue,
        params=params,
        prediction=prediction,
    )


def adopt(
    trained: Run, checkpoint: Checkpoint, *, sweep: str, number: int, queue: str, metrics: Mapping[str, float]
) -> Run:
    """Return a new run of `sweep`, waiting for an evaluator: `trained` of another sweep, with a copy of its checkpoint.

    The training's seconds and steps are kept. `metrics` are those of the training, without those of an evaluation.
    """
    return Run(
        version=1,
        id=run_id(sweep, number),
        sweep=sweep,
        number=number,
        state=RunState.TRAINED,
        last_move="adopted",
        queue=queue,
        params=trained.params,
        origin=trained.id,
        prediction=Prediction(source="adopted"),
        furthest=checkpoint.step,
        early_stop=trained.early_stop,
        checkpoints=(checkpoint,),
        train_seconds=trained.train_seconds,
        steps=trained.steps,
        metrics=finite(metrics),
    )


def claim(run: Run, *, worker: str, nonce: str, at: float, other_code: str | None = None) -> Run:
    """Return the run, held by `worker`: in training if it was queued, in evaluation if it was trained.

    `other_code` says how the worker's code differs from that of the submit.
    """
    if run.state not in WAITING:
        raise IllegalMove(f"run {run.id} is {run.state}: only a queued or trained run can be claimed")
    owner = Owner(worker=worker, token=run.token + 1, nonce=nonce)
    trains = run.state is RunState.QUEUED
    return run.move(
        "claimed",
        state=RunState.TRAINING if trains else RunState.EVALUATING,
        attempt=run.attempt + trains,
        token=owner.token,
        owner=owner,
        started_at=at,
        setback=None,
        progressed=False,
        other_code=other_code or (None if trains else run.other_code),
    )


def keep_checkpoint(run: Run, checkpoint: Checkpoint, *, seconds: float) -> Run:
    """Return the run with a newer checkpoint, `seconds` of training after the last one."""
    _require(run, RunState.TRAINING)
    if run.checkpoint and checkpoint.step <= run.checkpoint.step:
        raise IllegalMove(
            f"run {run.id} has a checkpoint at step {run.checkpoint.step}: one at step {checkpoint.step} is no progress"
        )
    total = run.train_seconds + seconds
    further = checkpoint.step > run.furthest
    return run.move(
        "checkpointed",
        checkpoints=(*run.checkpoints, checkpoint.model_copy(update={"train_seconds": total}))[-KEPT_CHECKPOINTS:],
        stuck_attempts=0 if further else run.stuck_attempts,
        progressed=run.progressed or further,
        furthest=max(run.furthest, checkpoint.step),
        steps=max(run.steps, checkpoint.step),
        train_seconds=total,
    )


def fall_back(run: Run, to: Checkpoint | None) -> Run:
    """Return the run at its checkpoint `to` (None: its start), because the later ones cannot be read."""
    _require(run, RunState.TRAINING)
    return run.move("fell back", **_back_at(run, to))


def stop_early(run: Run, stop: EarlyStop) -> Run:
    """Return the run, marked to end early: its owner stops the training, and it is not trained any further."""
    _require(run, RunState.TRAINING)
    if run.early_stop or run.cancel_requested:
        raise IllegalMove(f"run {run.id} is {run.state}, and is already marked to end")
    return run.move("stopped early", early_stop=stop)


def ended_by_itself(run: Run) -> Run:
    """Return the run without the mark to end early, because its training ended before it read the mark. Not a move."""
    return run.model_copy(update={"early_stop": None})


def retrain(run: Run, to: Checkpoint | None, why: str, *, max_stuck: int) -> Run:
    """Return the run from its evaluation to training, at its checkpoint `to`: the one to score cannot be read.

    An older checkpoint must not be scored instead. It counts as an attempt without progress.
    """
    _require(run, RunState.EVALUATING)
    if run.cancel_requested:
        return _cancelled(run)
    if run.stuck_attempts + 1 >= max_stuck:
        return _stuck(run, run.stuck_attempts + 1, why)
    changes = {**_back_at(run, to), "stuck_attempts": run.stuck_attempts + 1, "setback": why, "metrics": {}}
    return run.move("damaged", state=RunState.QUEUED, owner=None, **changes)


def finish_training(run: Run, *, seconds: float, steps: int, metrics: Mapping[str, float]) -> Run:
    """Return the run, ready for an evaluator, `seconds` of training after its last checkpoint."""
    _require(run, RunState.TRAINING)
    if run.cancel_requested:
        return _cancelled(run)
    if run.checkpoint is None:
        raise IllegalMove(f"run {run.id} ended without a checkpoint, so it cannot be evaluated")
    return run.move(
        "trained",
        state=RunState.TRAINED,
        owner=None,
        steps=max(run.steps, steps),
        train_seconds=run.train_seconds + seconds,
        metrics={**run.metrics, **finite(metrics)},
    )


def observe(
    run: Run,
    *,
    score: float,
    cost: float,
    seconds: float,
    steps: int,
    metrics: Mapping[str, float],
    trained: Params | None = None,
    earlier: tuple[EarlierPoint, ...] = (),
) -> Run:
    """Return the run with its score, from its evaluation or from its training.

    `trained` are parameters that differ from the suggestion. Raises ValueError if score or cost is not a finite
    number.
    """
    _require(run, *LEASED)
    if not math.isfinite(score) or not math.isfinite(cost):
        raise ValueError(f"score {score} and cost {cost}: both must be finite numbers")
    in_training = run.state is RunState.TRAINING
    return run.move(
        "observed",
        state=RunState.OBSERVED,
        owner=None,
        score=score,
        cost=cost,
        steps=max(run.steps, steps),
        train_seconds=run.train_seconds + (seconds if in_training else 0.0),
        eval_seconds=run.eval_seconds + (0.0 if in_training else seconds),
        metrics={**run.metrics, **finite(metrics)},
        trained=trained or {},
        earlier=earlier,
    )


def fail(run: Run, failure: Failure, *, cost: float) -> Run:
    """Return the run, failed: an observation without a score."""
    _require(run, *LEASED)
    if run.cancel_requested:
        return _cancelled(run)
    return run.move("failed", failure=failure, cost=cost, **_without_score(run, RunState.FAILED))


def lose_attempt(run: Run, why: str, *, max_stuck: int) -> Run:
    """Return the run after its worker or its process died: it waits again, or it failed.

    An attempt that committed a checkpoint beyond all earlier ones made progress. After `max_stuck` attempts in a row
    without progress the run fails, unless it was marked to end early.
    """
    _require(run, *LEASED)
    if run.cancel_requested:
        return _cancelled(run)
    stuck = 0 if run.progressed else run.stuck_attempts + 1
    trains_no_more = run.state is RunState.TRAINING and run.early_stop is not None
    if stuck >= max_stuck and not trains_no_more:
        return _stuck(run, stuck, why)
    return _waiting_again(run, "lost", stuck_attempts=stuck, setback=why)


def release(run: Run) -> Run:
    """Return the run, given back by a worker that was asked to end. No failure is counted."""
    _require(run, *LEASED)
    return _cancelled(run) if run.cancel_requested else _waiting_again(run, "released")


def cancel(run: Run) -> Run:
    """Return the run, cancelled; a run that a worker holds is only marked, and its owner or the reaper ends it."""
    if run.is_finished:
        raise IllegalMove(f"run {run.id} is {run.state}: it has ended and cannot be cancelled")
    return run.move("cancel requested", cancel_requested=True) if run.state in LEASED else _cancelled(run)


def retry(run: Run) -> Run:
    """Return a run that ended without a score, waiting again: for its evaluation if it ended there, else for its
    training, at its last checkpoint.

    Attempts without progress are counted from 0. The numbers of attempts continue, because files are named by them.
    """
    if run.state not in WITHOUT_SCORE:
        raise IllegalMove(f"run {run.id} is {run.state}: only a failed or cancelled run can be retried")
    changes: dict[str, Any] = {"state": RunState.TRAINED}
    if not run.trained_whole:
        changes = {"state": RunState.QUEUED, "metrics": {}, **_back_at(run, run.checkpoint)}
    setback = run.failure.message if run.failure else None
    cleared = {"stuck_attempts": 0, "cancel_requested": False, "trained_whole": False, "cost": None, "failure": None}
    return run.move("retried", setback=setback, **cleared, **changes)


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that are finite numbers: JSON has no others, and a record must be readable."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _require(run: Run, *states: RunState) -> None:
    if run.state not in states:
        wanted = " or ".join(sorted(states))
        raise IllegalMove(f"run {run.id} is {run.state}: this move needs a run that is {wanted}")


def _waiting_again(run: Run, name: str, **changes: object) -> Run:
    # A lost evaluation goes back to `trained`: no run is trained twice.
    state = RunState.TRAINED if run.state is RunState.EVALUATING else RunState.QUEUED
    return run.move(name, state=state, owner=None, **changes)


def _back_at(run: Run, to: Checkpoint | None) -> dict[str, Any]:
    if to is None:  # no checkpoint is left to score: it is trained from its start
        return {"checkpoints": (), "steps": 0, "train_seconds": 0.0, "early_stop": None}
    kept = run.checkpoints[: run.checkpoints.index(to) + 1]
    return {"checkpoints": kept, "steps": to.step, "train_seconds": to.train_seconds}


def _stuck(run: Run, attempts: int, why: str) -> Run:
    failure = Failure(kind="crash loop", message=f"{attempts} attempts without progress; the last one: {why}")
    cost = run.train_seconds + run.eval_seconds
    changes = {"stuck_attempts": attempts, "failure": failure, "cost": cost}
    return run.move("failed", **changes, **_without_score(run, RunState.FAILED))


def _cancelled(run: Run) -> Run:
    return run.move("cancelled", **_without_score(run, RunState.CANCELLED))


def _without_score(run: Run, state: RunState) -> dict[str, Any]:
    whole = run.state in (RunState.TRAINED, RunState.EVALUATING) and run.early_stop is None
    return {"state": state, "owner": None, "early_stop": None, "trained_whole": whole}
