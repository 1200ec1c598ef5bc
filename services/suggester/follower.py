"""The optimizer of one sweep, updated from the sweep's log: what it knows is a replay of that log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.suggester.optuna_search import OptunaSearch
from services.suggester.protein import BEGINNING, GridSearch, Protein, RandomSearch, SobolSearch, Suggestion
from shared.config.frozen import job_of
from shared.config.schema import SweepJob
from shared.config.searched import space_of
from shared.domain.configuration import Outcome
from shared.domain.events import (
    LogEntry,
    RunAdopted,
    RunEnded,
    RunFailed,
    RunObserved,
    RunRetried,
    RunSuggested,
    SweepSubmitted,
    require_readable,
)
from shared.domain.run import Params
from shared.domain.search_space import SearchSpace
from shared.domain.sweep import Sweep


class Optimizer(Protocol):
    """The interface of a search method."""

    def suggest_many(self, n: int, pending: list[Params]) -> list[Suggestion]:
        """Return n suggestions that take the pending ones into account."""

    def observe(
        self, params: Params, score: float | None, cost: float, failed: bool = False, partial: bool = False
    ) -> None:
        """Learn from a run that ended, or from a shorter run within it (`partial`)."""

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Continue from the memory of the last suggestion."""


@dataclass(frozen=True)
class Observation:
    """What the optimizer learned from a run; `run` is None for a run of an earlier sweep."""

    run: int | None
    params: Params
    score: float | None
    cost: float
    partial: bool = False


@dataclass
class Follower:
    """The optimizer at `position` of the log, the parameters of the pending runs, and the outcomes of the others.

    `new` makes an optimizer without observations: an optimizer cannot forget.
    """

    new: Callable[[], Optimizer]
    optimizer: Optimizer = field(init=False)
    observations: list[Observation] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    position: int = 0
    pending: dict[int, Params] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = self.new()

    def take(self, entry: LogEntry) -> None:
        """Process the next entry of the log. Raises Unreadable, and then nothing is changed."""
        require_readable(entry)
        event = entry.event
        match event:
            case SweepSubmitted():
                for earlier in event.observations:
                    self._observe(Observation(None, earlier.params, earlier.score, earlier.cost))
            case RunSuggested() | RunAdopted() | RunRetried():
                self.pending[event.run] = event.params
            case RunObserved():
                params = {**self.pending[event.run], **event.trained}
                self._forget_failure(event.run)
                self._observe(Observation(event.run, params, event.score, event.cost))
                for point in event.earlier:
                    shorter = {**params, **point.params}
                    self._observe(Observation(event.run, shorter, point.score, point.cost, partial=True))
                self.outcomes.append(Outcome(event.run, params, event.score, event.cost))
            case RunFailed():
                self._forget_failure(event.run)
                self._observe(Observation(event.run, self.pending[event.run], None, event.cost or 0.0))
                self.failed.add(event.run)
        if isinstance(event, RunEnded):
            self.pending.pop(event.run)
        self.position = entry.position

    def _observe(self, one: Observation) -> None:
        self.optimizer.observe(one.params, one.score, one.cost, failed=one.score is None, partial=one.partial)
        self.observations.append(one)

    def _forget_failure(self, run: int) -> None:
        """Forget the failure of a run that was retried: only its last end counts."""
        if run not in self.failed:
            return
        self.failed.remove(run)
        kept, self.optimizer, self.observations = [one for one in self.observations if one.run != run], self.new(), []
        for one in kept:
            self._observe(one)

    def suggest(self, n: int, memory: Mapping[str, Any], *, after: Sequence[Params] = ()) -> list[Suggestion]:
        """Return the next n suggestions of a sweep whose last one had this `memory`.

        `after` are parameters that will run, too, and that are not in the log yet.
        """
        self.optimizer.remember(memory or BEGINNING)  # suggestions that were never committed are forgotten
        return self.optimizer.suggest_many(n, pending=[*self.pending.values(), *after])


def follow(sweep: Sweep) -> Follower:
    """Return a follower at the start of the sweep's log. Raises ConfigError if the sweep cannot be served here."""
    job = job_of(sweep)
    space = space_of(job)
    return Follower(lambda: _optimizer(job, space))


def _optimizer(job: SweepJob, space: SearchSpace) -> Optimizer:
    match job.sweep.method:
        case "random":
            return RandomSearch(space, seed=job.seed)
        case "sobol":
            return SobolSearch(space, seed=job.seed)
        case "grid":
            return GridSearch(space, points=job.sweep.grid_points, seed=job.seed)
        case "optuna-tpe" | "optuna-gp" as method:
            return OptunaSearch(space, method=method, goal=job.sweep.goal, seed=job.seed)
        case "bayes":
            return Protein(space, goal=job.sweep.goal, settings=job.sweep.protein, seed=job.seed)
