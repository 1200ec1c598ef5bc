"""When a run in training is clearly worse than the others were at the same cost, and may end early."""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

from shared.domain.sweep import Goal

MIN_RUNS = 10
"""Finished runs to compare with: fewer say too little about a lower quantile."""
SAFE_SHARE = 0.25
"""Of the median cost of the finished runs: what every run may spend before it is judged."""
CLEARLY = 0.1
"""Of what lies between the best and the median of the first finished runs: how much worse is clearly worse."""


@dataclass(frozen=True)
class BestSoFar:
    """The best of a run's metric (turned so that higher is better) by what was spent on its training, ascending."""

    costs: tuple[float, ...]
    bests: tuple[float, ...]

    @classmethod
    def of(cls, points: Iterable[tuple[float, float]], *, goal: Goal) -> Self:
        """Read the points (cost, metric) of a curve in the order in which they were reported."""
        sign = 1.0 if goal == "maximize" else -1.0
        told = list(points)
        costs = accumulate((cost for cost, _ in told), max)  # a clock that was set back spends nothing
        return cls(tuple(costs), tuple(accumulate((sign * value for _, value in told), max)))

    @property
    def spent(self) -> float:
        """What was spent by the last report; 0 without any."""
        return self.costs[-1] if self.costs else 0.0

    def at(self, cost: float) -> float | None:
        """Return the best once `cost` was spent; None if nothing was reported by then."""
        known = bisect.bisect_right(self.costs, cost)
        return self.bests[known - 1] if known else None


def why_stop(run: BestSoFar, finished: Sequence[BestSoFar], *, quantile: float) -> str | None:
    """Say why a run in training should end early; None while it may go on.

    It is compared, at what was spent on it so far, with the `finished` runs, in the order in which they ended, that
    were trained for at least as much, each as it stood then: its best must be clearly worse than their lower
    `quantile`, rounded to the worse one. That is the median stopping rule of Golovin et al. (2017), Google Vizier,
    section 3.2.2, with cost in the place of steps, a lower quantile in that of the median, and the best so far on both
    sides in that of a running average on one.

    The first runs fill the space, so they tell on which scale runs differ; later ones gather around the best, and the
    worse of two good runs is not a bad one.
    """
    if len(finished) < MIN_RUNS or not run.costs:
        return None
    if run.spent < SAFE_SHARE * statistics.median(other.spent for other in finished):
        return None
    then = [other.at(run.spent) for other in finished if other.spent >= run.spent]
    bests = sorted(best for best in then if best is not None)
    if len(bests) < MIN_RUNS or run.bests[-1] >= bests[int(quantile * (len(bests) - 1))] - _margin(finished):
        return None
    better = len(bests) - bisect.bisect_right(bests, run.bests[-1])
    return f"its best so far is worse than that of {better} of {len(bests)} finished runs at a cost of {run.spent:.4g}"


def _margin(finished: Sequence[BestSoFar]) -> float:
    first = [other.bests[-1] for other in finished[:MIN_RUNS]]
    return CLEARLY * (max(first) - statistics.median(first))
