"""The best configuration of a sweep, from its runs, and how certain that is.

Two runs of one configuration differ by their seeds, so a score is a random draw around the true value of the
configuration, and the best score of many runs is a lucky one. Here the score of a configuration is the mean of its
runs, with bounds that hold for all configurations at once, and so for the one that is chosen by its score. The noise
is assumed to be the same everywhere: its standard deviation is in the unit of the score.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any, Final, Literal, NamedTuple

from shared.domain.run import Frozen, Params, Run

CONFIDENCE: Final = 0.95
ENOUGH_DEGREES: Final = 5.0
"""With fewer degrees of freedom a standard deviation is not reported."""


class Outcome(NamedTuple):
    """A run with a score."""

    run: int
    params: Params
    score: float
    cost: float


def outcomes_of(runs: Iterable[Run]) -> list[Outcome]:
    """Return the outcomes of the runs that have a score."""
    return [Outcome(run.number, run.params, run.score, run.cost or 0.0) for run in runs if run.score is not None]


class Configuration(Frozen):
    """One configuration. `runs` are its runs with a score, the best first; `score` and `cost` are their means.

    Its true score is between `low` and `high` with 95 % confidence; both are None while the noise is not known.
    """

    runs: tuple[int, ...]
    score: float
    cost: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Noise:
    """The standard deviation of runs that differ only in their seed, and the degrees of freedom of that estimate."""

    std: float
    degrees: float


def best_first(
    outcomes: Iterable[Outcome], *, goal: Literal["maximize", "minimize"], memory: Mapping[str, Any]
) -> list[Configuration]:
    """Return the configurations of `outcomes` by the worse end of their bounds; of equal ones the cheaper first.

    So one lucky run does not beat a good mean of several runs. Without known noise the order is that of the
    scores. `memory` is that of the sweep's last suggestion.
    """
    sign = 1.0 if goal == "maximize" else -1.0
    groups: dict[Any, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(frozenset(outcome.params.items()), []).append(outcome)
    noise = fitted_noise(memory) or pooled_noise([[outcome.score for outcome in group] for group in groups.values()])
    found = [_configuration(group, noise, sign, of=len(groups)) for group in groups.values()]
    worse_end = "low" if goal == "maximize" else "high"

    def rank(one: Configuration) -> tuple[float, float, float]:
        bound = getattr(one, worse_end)
        return -sign * (one.score if bound is None else bound), -sign * one.score, one.cost

    return sorted(found, key=rank)


def fitted_noise(memory: Mapping[str, Any]) -> Noise | None:
    """Return the noise as Protein's surrogate estimated it; None if it is not known, and for other methods."""
    found = memory.get("noise")
    return Noise(*found) if found else None


def pooled_noise(groups: Iterable[Sequence[float]]) -> Noise | None:
    """Return the noise from repeated runs; each group (n,) has the scores of one configuration. None for too few.

    The mean square within groups of a one-way analysis of variance (Fisher, 1925).
    """
    squares, degrees = 0.0, 0
    for scores in groups:
        centre = _mean(scores)
        squares += sum((score - centre) * (score - centre) for score in scores)
        degrees += len(scores) - 1
    if degrees < ENOUGH_DEGREES or not math.isfinite(squares):
        return None
    return Noise(math.sqrt(squares / degrees), degrees)


def bounds(mean: float, runs: int, noise: Noise, *, sign: float, of: int) -> tuple[float, float]:
    """Return the lower and the upper bound of the true score of a configuration whose `runs` have this mean score.

    The best of `of` configurations is chosen, which makes its score too good and never too bad: so the bound on the
    worse side is that of simultaneous intervals (Sidak, 1967), the other one that of Student (1908). On selected
    means: Venter (1988), Fuentes, Casella and Wells (2018). `sign` is 1 where a higher score is better, else -1.
    """
    tail = (1 - CONFIDENCE) / 2
    error = noise.std / math.sqrt(runs)
    worse = mean - sign * error * student_quantile((1 - tail) ** (1 / of), noise.degrees)
    better = mean + sign * error * student_quantile(1 - tail, noise.degrees)
    return _finite(min(worse, better)), _finite(max(worse, better))


@cache
def student_quantile(probability: float, degrees: float) -> float:
    """Return a quantile of Student's t; Gaver and Kafadar (1984): to 1 % for 5 degrees and a probability of 0.999."""
    z = NormalDist().inv_cdf(probability)
    return math.copysign(math.sqrt(degrees * math.expm1(z * z * (degrees - 1.5) / (degrees - 1) ** 2)), z)


def _configuration(group: Sequence[Outcome], noise: Noise | None, sign: float, *, of: int) -> Configuration:
    ordered = sorted(group, key=lambda outcome: -sign * outcome.score)
    score = _mean([outcome.score for outcome in group])
    low, high = bounds(score, len(group), noise, sign=sign, of=of) if noise and noise.std else (None, None)
    cost = _mean([outcome.cost for outcome in group])
    return Configuration(runs=tuple(outcome.run for outcome in ordered), score=score, cost=cost, low=low, high=high)


def _mean(values: Sequence[float]) -> float:
    return _finite(values[0] + sum(value - values[0] for value in values) / len(values))  # exact for equal values


def _finite(value: float) -> float:
    # JSON has no infinity: a record with one could not be read again.
    return min(max(value, -sys.float_info.max), sys.float_info.max)
