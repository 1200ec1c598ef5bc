"""What a report tells about the runs of a sweep, as numbers: nothing is drawn here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.domain.run import Params, Run, RunState
from shared.domain.sweep import Goal

BAND = 2.0
"""Standard deviations around a prediction that its score is expected in."""
T = TypeVar("T")


@dataclass(frozen=True)
class Point:
    """A run with a score, in the order in which runs ended.

    `order` counts the runs that were over by then, this one included; `seconds` since the start of the sweep, None
    where the log does not tell; `spent` is the cost of all of those runs; `best` the best score among them.
    """

    run: int
    order: int
    seconds: float | None
    spent: float
    score: float
    cost: float
    best: float
    leads: bool  # it is better than all before it
    stopped: bool
    params: Params


@dataclass(frozen=True)
class FailureGroup:
    """Runs that failed with the same message."""

    kind: str
    message: str
    runs: tuple[int, ...]


@dataclass(frozen=True)
class Predicted:
    """What was predicted of a run and what came of it; `spread` is None where no uncertainty was told."""

    run: int
    predicted: float
    actual: float
    spread: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Predictions against outcomes.

    `inside` of the `judged` scores lie within `BAND` standard deviations of their prediction; `cost_ratio` is the
    median of cost over predicted cost.
    """

    scores: tuple[Predicted, ...] = ()
    costs: tuple[Predicted, ...] = ()
    judged: int = 0
    inside: int = 0
    cost_ratio: float | None = None


def trained_params(run: Run) -> Params:
    """Return the parameters that were trained: of a run that was stopped early the length that it had."""
    return {**run.params, **run.trained}


def points_of(runs: Sequence[Run], ended: Mapping[int, float], *, goal: Goal) -> list[Point]:
    """Return the runs with a score; `ended` are the seconds from the start to the end of each run, where that is known.

    Without it the order is that of the numbers.
    """
    over = [run for run in runs if run.state in (RunState.OBSERVED, RunState.FAILED)]
    over.sort(key=lambda run: (ended.get(run.number, 0.0), run.number))
    sign = 1.0 if goal == "maximize" else -1.0
    found: list[Point] = []
    spent = 0.0
    for order, run in enumerate(over, start=1):
        cost = run.cost or 0.0
        spent = min(spent + cost, 1e300)
        if run.score is None:
            continue
        leads = not found or sign * run.score > sign * found[-1].best
        best = run.score if leads else found[-1].best
        place = (run.number, order, ended.get(run.number), spent, run.score, cost, best, leads)
        found.append(Point(*place, stopped=run.early_stop is not None, params=trained_params(run)))
    return found


def thinned(items: Sequence[T], most: int, *, keep: Sequence[T] = ()) -> list[T]:
    """Return at most `most` of the items in their order: those of `keep`, and others at even distances."""
    if len(items) <= most:
        return list(items)
    kept = {id(item) for item in keep[:most]}
    others = [index for index, item in enumerate(items) if id(item) not in kept]
    room = max(most - len(kept), 0)
    even = {others[round(k * (len(others) - 1) / max(room - 1, 1))] for k in range(min(room, len(others)))}
    return [item for index, item in enumerate(items) if id(item) in kept or index in even]


def best_points(points: Sequence[Point], *, goal: Goal) -> list[Point]:
    """Return the points by their score, the best first."""
    sign = 1.0 if goal == "maximize" else -1.0
    return sorted(points, key=lambda point: -sign * point.score)


def failures_by_message(runs: Sequence[Run]) -> list[FailureGroup]:
    """Return the failed runs by what was said, the most frequent first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        if run.state is RunState.FAILED and run.failure is not None:
            groups.setdefault((run.failure.kind, run.failure.message), []).append(run.number)
    found = [FailureGroup(kind, message, tuple(numbers)) for (kind, message), numbers in groups.items()]
    return sorted(found, key=lambda group: (-len(group.runs), group.runs[0]))


def calibration_of(runs: Sequence[Run], *, noise: float | None) -> Calibration:
    """Return what was predicted of runs that have a score now.

    A prediction is one of the value without noise; `noise`, the standard deviation of runs that differ in their seed
    alone, is added to its uncertainty where it is known. Runs that were stopped early ended as another run than was
    predicted, and are left out.
    """
    scores, costs = [], []
    for run in runs:
        told = run.prediction
        if run.score is None or run.early_stop is not None:
            continue
        if told.score is not None:
            spread = None if told.score_std is None else min(math.hypot(told.score_std, noise or 0.0), 1e300)
            scores.append(Predicted(run.number, told.score, run.score, spread))
        if told.cost and run.cost and run.cost > 0 and told.cost > 0:
            costs.append(Predicted(run.number, told.cost, run.cost))
    judged = [one for one in scores if one.spread]
    inside = [one for one in judged if abs(one.actual - one.predicted) <= BAND * (one.spread or 0.0)]
    ratios = [math.log(one.actual) - math.log(one.predicted) for one in costs]
    ratio = math.exp(min(max(statistics.median(ratios), -700.0), 700.0)) if ratios else None
    return Calibration(tuple(scores), tuple(costs), len(judged), len(inside), ratio)


def fifths(points: Sequence[Point], *, goal: Goal) -> dict[int, int]:
    """Return for each run in which fifth its score lies, from 0, the worst, to 4."""
    ordered = best_points(points, goal=goal)
    return {point.run: 4 - 5 * rank // len(ordered) for rank, point in enumerate(ordered)}


def spans_decades(values: Sequence[float], *, decades: float = 1.5) -> bool:
    """Whether positive values differ so much that a logarithmic axis shows them better."""
    return bool(values) and min(values) > 0 and math.log10(max(values) / min(values)) > decades


def drawable(value: Any) -> Any:
    """Return a number with as many digits as can be seen, and as JSON has it: None for infinity and not-a-number."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.7g}") if math.isfinite(value) else None
