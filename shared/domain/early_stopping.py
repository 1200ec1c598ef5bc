"""When a run in training may end early: it is clearly worse than other runs were at the same cost."""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

from shared.domain.sweep import Goal

MIN_RUNS = 10
"""Finished runs that are needed: fewer are too few for a lower quantile."""
SAFE_SHARE = 0.25
"""Share of the median cost of the finished runs that every run may spend before it is compared."""
CLEARLY = 0.1
"""Clearly worse is worse by this share of the distance from the best to the median of the first finished runs."""


@dataclass(frozen=True)
class BestSoFar:
    """The best metric of a run so far (sign changed if lower is better) at each training cost, ascending."""

    costs: tuple[float, ...]
    bests: tuple[float, ...]

    @classmethod
    def of(cls, points: Iterable[tuple[float, float]], *, goal: Goal) -> Self:
        """Read the points (cost, metric) of a curve in the order in which they were reported."""
        sign = 1.0 if goal == "maximize" else -1.0
        reported = list(points)
        costs = accumulate((cost for cost, _ in reported), max)  # a clock that was set back costs nothing
        return cls(tuple(costs), tuple(accumulate((sign * value for _, value in reported), max)))

    @property
    def spent(self) -> float:
        """The cost at the last report; 0 without a report."""
        return self.costs[-1] if self.costs else 0.0

    def at(self, cost: float) -> float | None:
        """Return the best at `cost`; None if nothing was reported by then."""
        known = bisect.bisect_right(self.costs, cost)
        return self.bests[known - 1] if known else None


def why_stop(run: BestSoFar, finished: Sequence[BestSoFar], *, quantile: float) -> str | None:
    """Say why a run in training should end early; None if it may continue.

    Its best so far is compared with the best that each of the `finished` runs (in the order in which they ended) had
    at the same cost, if that run cost at least as much. It must be clearly worse than their lower `quantile`, rounded
    to the worse run. This is the median stopping rule of Golovin et al. (2017), Google Vizier, section 3.2.2, with cost
    instead of steps, a lower quantile instead of the median, and the best so far on both sides instead of a running
    average on one.

    The first runs fill the space, so they show the scale on which runs differ; later runs are close to the best, and
    the worse of two good runs is not a bad run.
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
