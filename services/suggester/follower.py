"""The optimizer of one sweep, brought up to date from the sweep's log: what it knows is a replay of that log."""

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
    """What a search method has to offer."""

    def suggest_many(self, n: int, pending: list[Params]) -> list[Suggestion]:
        """Return n suggestions, made in the knowledge of those still pending."""

    def observe(
        self, params: Params, score: float | None, cost: float, failed: bool = False, partial: bool = False
    ) -> None:
        """Take in a run that is over, or a shorter one within it (`partial`)."""

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Go on from what the last suggestion left behind."""


@dataclass(frozen=True)
class Told:
    """What the optimizer was told of a run; `run` is None for one of an earlier sweep."""

    run: int | None
    params: Params
    score: float | None
    cost: float
    partial: bool = False


@dataclass
class Follower:
    """The optimizer as of `position` in the log, the parameters of the runs that it waits for, and what runs scored.

    `new` makes an optimizer that knows nothing: no optimizer can forget.
    """

    new: Callable[[], Optimizer]
    optimizer: Optimizer = field(init=False)
    told: list[Told] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    position: int = 0
    pending: dict[int, Params] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = self.new()

    def take(self, entry: LogEntry) -> None:
        """Take in the next entry of the log; one that cannot be taken in changes nothing. May raise Unreadable."""
        require_readable(entry)
        event = entry.event
        match event:
            case SweepSubmitted():
                for earlier in event.observations:
                    self._tell(Told(None, earlier.params, earlier.score, earlier.cost))
            case RunSuggested() | RunAdopted() | RunRetried():
                self.pending[event.run] = event.params
            case RunObserved():
                params = {**self.pending[event.run], **event.trained}
                self._forget_failure(event.run)
                self._tell(Told(event.run, params, event.score, event.cost))
                for point in event.earlier:
                    shorter = {**params, **point.params}
                    self._tell(Told(event.run, shorter, point.score, point.cost, partial=True))
                self.outcomes.append(Outcome(event.run, params, event.score, event.cost))
            case RunFailed():
                self._forget_failure(event.run)
                self._tell(Told(event.run, self.pending[event.run], None, event.cost or 0.0))
                self.failed.add(event.run)
        if isinstance(event, RunEnded):
            self.pending.pop(event.run)
        self.position = entry.position

    def _tell(self, one: Told) -> None:
        self.optimizer.observe(one.params, one.score, one.cost, failed=one.score is None, partial=one.partial)
        self.told.append(one)

    def _forget_failure(self, run: int) -> None:
        """Forget that a run failed which was tried again: how it ended now is what counts."""
        if run not in self.failed:
            return
        self.failed.remove(run)
        kept, self.optimizer, self.told = [one for one in self.told if one.run != run], self.new(), []
        for one in kept:
            self._tell(one)

    def suggest(self, n: int, memory: Mapping[str, Any], *, after: Sequence[Params] = ()) -> list[Suggestion]:
        """Return the next n suggestions of a sweep whose last one left `memory` behind.

        `after` are parameters that are to run, too, and that the log does not have yet.
        """
        self.optimizer.remember(memory or BEGINNING)  # what was suggested and never committed is forgotten
        return self.optimizer.suggest_many(n, pending=[*self.pending.values(), *after])


def follow(sweep: Sweep) -> Follower:
    """Return a follower at the start of the sweep's log. Raises ConfigError if this suggester cannot serve it."""
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
