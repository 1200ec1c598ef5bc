"""A sweep: its budget, how many runs to start, and when it is finished."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Literal, Self

from shared.domain.code import CodeVersion
from shared.domain.configuration import Configuration
from shared.domain.errors import IllegalMove
from shared.domain.run import FINISHED, Frozen, Params, Run, RunState

Goal = Literal["maximize", "minimize"]
BUDGET = frozenset({"max_runs", "max_cost", "max_hours", "target_score"})
SECONDS_PER_HOUR = 3600.0
BEING_RESTORED = "being restored"
"""The reason of a sweep that is marked as finished until its restore is complete."""


class SweepState(StrEnum):
    """The state of a sweep."""

    RUNNING = "running"
    PAUSED = "paused"  # no run is claimed
    STOPPING = "stopping"  # no run is suggested; runs in progress end
    FINISHED = "finished"


class Limits(Frozen):
    """The budget and the rules of a sweep; they can be changed while it runs."""

    max_runs: int | None = None
    max_cost: float | None = None
    max_hours: float | None = None
    target_score: float | None = None
    parallelism: int | None = None
    look_ahead: int = 1
    max_consecutive_failures: int = 3
    max_stuck_attempts: int = 3


class Best(Frozen):
    """The run with the best score so far; the target score is compared with it."""

    run: int
    score: float
    cost: float


class Sweep(Frozen):
    """The record of one sweep in the store."""

    version: int = 0  # 1 at first: never the default, so always written
    schema_version: Literal[1] = 1
    name: str
    state: SweepState = SweepState.RUNNING
    reason: str = ""
    last_move: str = "submitted"
    goal: Goal
    queue: str
    limits: Limits
    config: dict[str, Any]  # the frozen job as plain data; shared.config.frozen.job_of parses it
    config_hash: str
    code: CodeVersion | None = None  # at the submit
    created_at: float  # seconds since the epoch, by the server's clock
    created: int = 0  # runs suggested so far; the last run's number
    memory: dict[str, Any] = {}  # from Protein for its next suggestion
    seen: int = 0  # events that the totals below include
    observed: int = 0
    failed: int = 0
    cancelled: int = 0
    spent: float = 0.0  # cost of all finished runs
    consecutive_failures: int = 0
    best: Best | None = None
    leader: Configuration | None = None  # the best configuration, as of the last observation
    enqueued: tuple[Params, ...] = ()  # parameters that a person asked for
    origin: str | None = None  # the sweep whose trained runs it scores again
    log_dropped: bool = False  # after the retention time: only the last entry of the log is left
    commits: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Whether the sweep is finished."""
        return self.state is SweepState.FINISHED

    @property
    def metric(self) -> str:
        """The metric that is the score if neither the training nor the evaluation returns a `score`."""
        return str(self.config["sweep"]["metric"])

    @property
    def cost_kind(self) -> str:
        """What the cost is: `seconds`, `steps`, or the name of a metric."""
        return str(self.config["cost"])

    @property
    def runs_dir(self) -> str:
        """The folder with the runs' folders, on the submitter's machine."""
        return str(self.config["runs_dir"])

    @property
    def is_evaluated(self) -> bool:
        """Whether an evaluator scores the runs."""
        return bool(self.config["sim"]["simulations"])

    @property
    def is_tracked(self) -> bool:
        """Whether the runs are reported to Weights & Biases."""
        return bool(self.config["wandb"]["mode"] != "off")

    @property
    def leading(self) -> Configuration | None:
        """The best configuration; in a record of an earlier version, that of the best run."""
        if self.leader is None and self.best is not None:
            return Configuration(runs=(self.best.run,), score=self.best.score, cost=self.best.cost)
        return self.leader

    def move(self, name: str, **changes: object) -> Self:
        """Return the sweep after the move `name`: the next version, with `changes`. An empty name leaves no event."""
        return self.model_copy(update={"version": self.version + 1, "last_move": name, **changes})


def reached_limit(sweep: Sweep, *, now: float) -> str | None:
    """Return the limit that is reached, as text; None if another run may start."""
    limits, best = sweep.limits, sweep.best
    if limits.target_score is not None and best is not None:
        reached = best.score >= limits.target_score if sweep.goal == "maximize" else best.score <= limits.target_score
        if reached:
            return f"target score {limits.target_score:g} reached by run {best.run}"
    if limits.max_cost is not None and sweep.spent >= limits.max_cost:
        return f"budget of cost {limits.max_cost:g} spent"
    if limits.max_hours is not None and now - sweep.created_at >= limits.max_hours * SECONDS_PER_HOUR:
        return f"budget of {limits.max_hours:g} hours spent"
    if limits.max_runs is not None and sweep.created >= limits.max_runs:
        return f"all {limits.max_runs} runs done"
    return None


def cuts_short(sweep: Sweep, *, now: float) -> str | None:
    """Say why runs that wait for a trainer are cancelled; None if they are not.

    The number of runs is not a reason: the suggested runs are within it.
    """
    if sweep.state is SweepState.STOPPING:
        return sweep.reason
    enough = sweep.limits.max_runs is not None and sweep.created >= sweep.limits.max_runs
    others = sweep.model_copy(update={"limits": sweep.limits.model_copy(update={"max_runs": None})})
    return reached_limit(others if enough else sweep, now=now)


def typical_cost(sweep: Sweep) -> float:
    """Return the mean cost of the runs that ended, in the unit of `cost`; 0 before the first one."""
    ended = sweep.observed + sweep.failed
    return sweep.spent / ended if ended else 0.0


def expected_cost(sweep: Sweep, unfinished: Iterable[Run]) -> float:
    """Return the expected cost of the unfinished runs: as predicted, or without a prediction the typical cost."""
    return sum(run.prediction.cost or typical_cost(sweep) for run in unfinished)


def affordable_runs(sweep: Sweep, *, in_flight_cost: float) -> float:
    """Return how many runs may be started within the budget of cost, after what was spent and is in flight.

    `in_flight_cost` is the expected cost of the unfinished runs. The last run may exceed the budget.
    """
    if sweep.limits.max_cost is None:
        return math.inf
    room, each = sweep.limits.max_cost - sweep.spent - in_flight_cost, typical_cost(sweep)
    if room <= 0:
        return 0.0
    return math.ceil(room / each) if each > 0 and room / each < sys.maxsize else math.inf


def how_many_to_start(
    sweep: Sweep, counts: Mapping[RunState, int], *, live_slots: int, now: float, in_flight_cost: float = 0.0
) -> int:
    """Return how many runs to suggest now, so that no live slot waits for a suggestion.

    `in_flight_cost` is the expected cost of the unfinished runs.
    """
    if sweep.state is not SweepState.RUNNING or reached_limit(sweep, now=now):
        return 0
    limits = sweep.limits
    unfinished = sum(n for state, n in counts.items() if state not in FINISHED)
    at_trainers = counts.get(RunState.QUEUED, 0) + counts.get(RunState.TRAINING, 0)
    # Without a live slot one run waits, too: it shows an autoscaler that a worker is needed.
    wanted = max(live_slots, 1) + limits.look_ahead - at_trainers
    if limits.parallelism is not None:
        wanted = min(wanted, limits.parallelism - unfinished)
    if limits.max_runs is not None:
        wanted = min(wanted, limits.max_runs - sweep.created)
    return int(max(min(wanted, affordable_runs(sweep, in_flight_cost=in_flight_cost)), 0))


def settle(sweep: Sweep, *, unfinished: int, now: float) -> Sweep:
    """Return the sweep: paused after too many failures in a row, finished if all is done, or unchanged."""
    if sweep.is_finished:
        return sweep
    limit = reached_limit(sweep, now=now)
    if unfinished == 0 and (limit or sweep.state is SweepState.STOPPING):
        return sweep.move("finished", state=SweepState.FINISHED, reason=limit or "stopped")
    failures = sweep.consecutive_failures
    if sweep.state is SweepState.RUNNING and failures >= sweep.limits.max_consecutive_failures:
        return sweep.move("paused", state=SweepState.PAUSED, reason=f"{failures} runs failed in a row")
    return sweep


def pause(sweep: Sweep, reason: str) -> Sweep:
    """Return the sweep, paused: none of its runs can be claimed until it is resumed."""
    if sweep.state is not SweepState.RUNNING:
        raise IllegalMove(f"sweep {sweep.name} is {sweep.state}: only a running sweep can be paused")
    return sweep.move("paused", state=SweepState.PAUSED, reason=reason)


def resume(sweep: Sweep) -> Sweep:
    """Return the sweep, running again; its failures in a row are set to 0."""
    if sweep.is_finished:
        more = max(sweep.created, sweep.limits.max_runs or 0) + 1
        raise IllegalMove(
            f"sweep {sweep.name} is finished: {sweep.reason}: it cannot be resumed; to continue it, raise its budget: "
            f"`sweepctl set {sweep.name} budget.max_runs={more}`"
        )
    if sweep.state is SweepState.RUNNING:
        raise IllegalMove(f"sweep {sweep.name} is running: only a paused or stopping sweep can be resumed")
    return sweep.move("resumed", state=SweepState.RUNNING, reason="", consecutive_failures=0)


def stop(sweep: Sweep) -> Sweep:
    """Return the sweep, stopping: no new runs; those in progress end and are observed."""
    if sweep.is_finished or sweep.state is SweepState.STOPPING:
        raise IllegalMove(f"sweep {sweep.name} is {sweep.state} already")
    return sweep.move("stopping", state=SweepState.STOPPING, reason="stopped by hand")


def enqueue(sweep: Sweep, params: Params) -> Sweep:
    """Return the sweep with `params` enqueued: they are suggested next, after those enqueued before."""
    if sweep.state not in (SweepState.RUNNING, SweepState.PAUSED):
        raise IllegalMove(f"sweep {sweep.name} is {sweep.state}: it starts no new runs")
    most = sweep.limits.max_runs
    if most is not None and sweep.created + len(sweep.enqueued) >= most:
        raise IllegalMove(
            f"sweep {sweep.name} has used all of its {most} runs: raise its budget with "
            f"`sweepctl set {sweep.name} budget.max_runs={most + 1}`"
        )
    return sweep.move("enqueued", enqueued=(*sweep.enqueued, params))


def limit(sweep: Sweep, *, now: float, **changes: Any) -> Sweep:
    """Return the sweep with other limits, the `changes` of `Limits`. Runs in progress are not affected.

    A finished sweep continues if its new budget has room for another run.
    """
    _require_a_log(sweep)
    if sweep.is_finished and not BUDGET & changes.keys():
        raise IllegalMove(f"sweep {sweep.name} is finished: {sweep.reason}; only a larger budget can continue it")
    most = changes.get("max_runs")
    if most is not None and most < sweep.created:
        raise IllegalMove(f"sweep {sweep.name} has already suggested {sweep.created} runs, more than {most}")
    limited = sweep.move("limited", limits=sweep.limits.model_copy(update=changes))
    if not sweep.is_finished:
        return limited
    spent = reached_limit(limited, now=now)
    opened = {"reason": spent} if spent else {"state": SweepState.RUNNING, "reason": ""}
    return limited.model_copy(update=opened)


def reopen(sweep: Sweep, *, now: float) -> Sweep:
    """Return a sweep in which a run is retried: a finished sweep continues for that run alone."""
    _require_a_log(sweep)
    if sweep.state is SweepState.STOPPING:
        raise IllegalMove(f"sweep {sweep.name} is stopping: run `sweepctl resume {sweep.name}` first")
    if spent := cuts_short(sweep, now=now):
        raise IllegalMove(
            f"sweep {sweep.name}: {spent}: raise the budget with `sweepctl set {sweep.name} budget.KEY=VALUE` first"
        )
    if not sweep.is_finished:
        return sweep.move("")
    if reached_limit(sweep, now=now) is None:
        raise IllegalMove(
            f"sweep {sweep.name} was stopped with runs left in its budget, and a retry would start them, too: run "
            f"`sweepctl set {sweep.name} budget.max_runs={sweep.created}` first"
        )
    return sweep.move("reopened", state=SweepState.RUNNING, reason="")


def drop_log(sweep: Sweep) -> Sweep:
    """Return the sweep without its log: only the records are left."""
    if not sweep.is_finished:
        raise IllegalMove(f"sweep {sweep.name} is {sweep.state}: it needs its log until it is finished")
    return sweep.move("", log_dropped=True)


def _require_a_log(sweep: Sweep) -> None:
    if sweep.log_dropped:
        raise IllegalMove(f"sweep {sweep.name} is finished, and its log was dropped: it cannot continue")
    if sweep.is_finished and sweep.reason == BEING_RESTORED:
        raise IllegalMove(
            f"sweep {sweep.name} is {sweep.reason}: wait until that is done, or run `sweepctl restore` again"
        )
