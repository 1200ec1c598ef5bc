"""The optimizer of one sweep, brought up to date from the sweep's log: what it knows is a replay of that log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.suggester.optuna_search import OptunaSearch
from services.suggester.protein import BEGINNING, GridSearch, Protein, RandomSearch, SobolSearch, Suggestion
from shared.config.frozen import from_plain
from shared.config.searched import space_of
from shared.domain.configuration import Outcome
from shared.domain.run import FINISHED, Params
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


@dataclass
class Follower:
    """The optimizer as of `position` in the log, the parameters of the runs that it waits for, and what runs scored."""

    optimizer: Optimizer
    position: int = 0
    pending: dict[int, Params] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    def take(self, event: Mapping[str, Any], *, position: int) -> None:
        """Take in the next event of the log; one that cannot be taken in changes nothing."""
        match event["kind"]:
            case "submitted":
                for earlier in event.get("observations", ()):
                    failed = earlier["score"] is None
                    self.optimizer.observe(earlier["params"], earlier["score"], earlier["cost"], failed=failed)
            case "suggested":
                self.pending[event["run"]] = event["params"]
            case "observed":
                params = {**self.pending[event["run"]], **event.get("trained", {})}
                self.optimizer.observe(params, event["score"], event["cost"])
                for point in event.get("earlier", ()):
                    shorter = {**params, **point["params"]}
                    self.optimizer.observe(shorter, point["score"], point["cost"], partial=True)
                self.outcomes.append(Outcome(event["run"], params, event["score"], event["cost"]))
            case "failed":
                self.optimizer.observe(self.pending[event["run"]], None, event.get("cost") or 0.0, failed=True)
        if event["kind"] in FINISHED and "run" in event:
            self.pending.pop(event["run"])
        self.position = position

    def suggest(self, n: int, memory: Mapping[str, Any], *, after: Sequence[Params] = ()) -> list[Suggestion]:
        """Return the next n suggestions of a sweep whose last one left `memory` behind.

        `after` are parameters that are to run, too, and that the log does not have yet.
        """
        self.optimizer.remember(memory or BEGINNING)  # what was suggested and never committed is forgotten
        return self.optimizer.suggest_many(n, pending=[*self.pending.values(), *after])


def follow(sweep: Sweep) -> Follower:
    """Return a follower at the start of the sweep's log. Raises ConfigError if this suggester cannot serve it."""
    job = from_plain(sweep.config)
    space = space_of(job)
    match job.sweep.method:
        case "random":
            return Follower(RandomSearch(space, seed=job.seed))
        case "sobol":
            return Follower(SobolSearch(space, seed=job.seed))
        case "grid":
            return Follower(GridSearch(space, points=job.sweep.grid_points, seed=job.seed))
        case "optuna-tpe" | "optuna-gp" as method:
            return Follower(OptunaSearch(space, method=method, goal=job.sweep.goal, seed=job.seed))
        case "bayes":
            return Follower(Protein(space, goal=job.sweep.goal, settings=job.sweep.protein, seed=job.seed))
