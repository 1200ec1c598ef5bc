"""The numbers of a report that follow from the runs of a sweep. Nothing is drawn here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.domain.run import Params, Run, RunState
from shared.domain.sweep import Goal

BAND = 2.0
"""Standard deviations around a prediction in which its score is expected."""
T = TypeVar("T")


@dataclass(frozen=True)
class ScoredRun:
    """A run with a score, as one of the runs that have ended.

    `order` is the number of runs that had ended, this one included; `spent` is their cost, `best` their best score.
    `seconds` is the time from the start of the sweep to the end of the run; None where the log does not have it.
    """

    run: int
    order: int
    seconds: float | None
    spent: float
    score: float
    cost: float
    best: float
    leads: bool  # whether it is better than all before it
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
    """A prediction about a run and its outcome. `spread` is None where the prediction has no uncertainty."""

    run: int
    predicted: float
    actual: float
    spread: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Predictions and outcomes.

    `inside` of the `judged` scores are within `BAND` standard deviations of their prediction. `cost_ratio` is the
    median of cost / predicted cost.
    """

    scores: tuple[Predicted, ...] = ()
    costs: tuple[Predicted, ...] = ()
    judged: int = 0
    inside: int = 0
    cost_ratio: float | None = None


def trained_params(run: Run) -> Params:
    """Return the parameters of the training. A run that was stopped early has the length that it reached."""
    return {**run.params, **run.trained}


def scored_runs(runs: Sequence[Run], ended: Mapping[int, float], *, goal: Goal) -> list[ScoredRun]:
    """Return the runs with a score, in the order in which they ended.

    `ended` maps the number of a run to the seconds from the start of the sweep to its end. Without it the order is that
    of the numbers.
    """
    over = [run for run in runs if run.state in (RunState.OBSERVED, RunState.FAILED)]
    over.sort(key=lambda run: (ended.get(run.number, 0.0), run.number))
    sign = _sign(goal)
    found: list[ScoredRun] = []
    spent = 0.0
    for order, run in enumerate(over, start=1):
        cost = run.cost or 0.0
        spent = min(spent + cost, 1e300)
        if run.score is None:
            continue
        leads = not found or sign * run.score > sign * found[-1].best
        best = run.score if leads else found[-1].best
        place = (run.number, order, ended.get(run.number), spent, run.score, cost, best, leads)
        found.append(ScoredRun(*place, stopped=run.early_stop is not None, params=trained_params(run)))
    return found


def thinned(items: Sequence[T], most: int, *, keep: Sequence[T] = ()) -> list[T]:
    """Return at most `most` of the items in their order: those of `keep`, and others at equal distances."""
    if len(items) <= most:
        return list(items)
    kept = {id(item) for item in keep[:most]}
    others = [index for index, item in enumerate(items) if id(item) not in kept]
    room = max(most - len(kept), 0)
    even = {others[round(k * (len(others) - 1) / max(room - 1, 1))] for k in range(min(room, len(others)))}
    return [item for index, item in enumerate(items) if id(item) in kept or index in even]


def best_scores_first(runs: Sequence[ScoredRun], *, goal: Goal) -> list[ScoredRun]:
    """Return the runs by their score, the best first."""
    return sorted(runs, key=lambda run: -_sign(goal) * run.score)


def failures_by_message(runs: Sequence[Run]) -> list[FailureGroup]:
    """Return the failed runs by their message, the most frequent message first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        if run.state is RunState.FAILED and run.failure is not None:
            groups.setdefault((run.failure.kind, run.failure.message), []).append(run.number)
    found = [FailureGroup(kind, message, tuple(numbers)) for (kind, message), numbers in groups.items()]
    return sorted(found, key=lambda group: (-len(group.runs), group.runs[0]))


def calibration_of(runs: Sequence[Run], *, noise: float | None) -> Calibration:
    """Return the predictions of runs that have a score now.

    A prediction is one of the value without noise; `noise`, the standard deviation of runs that differ only in their
    seed, is added to its uncertainty where it is known. Runs that were stopped early are excluded: their predictions
    were for the full length.
    """
    scores, costs = [], []
    for run in runs:
        expected = run.prediction
        if run.score is None or run.early_stop is not None:
            continue
        if expected.score is not None:
            spread = None if expected.score_std is None else min(math.hypot(expected.score_std, noise or 0.0), 1e300)
            scores.append(Predicted(run.number, expected.score, run.score, spread))
        if expected.cost and run.cost and run.cost > 0 and expected.cost > 0:
            costs.append(Predicted(run.number, expected.cost, run.cost))
    judged = [one for one in scores if one.spread]
    inside = [one for one in judged if abs(one.actual - one.predicted) <= BAND * (one.spread or 0.0)]
    ratios = [math.log(one.actual) - math.log(one.predicted) for one in costs]
    ratio = math.exp(min(max(statistics.median(ratios), -700.0), 700.0)) if ratios else None
    return Calibration(tuple(scores), tuple(costs), len(judged), len(inside), ratio)


def fifths(runs: Sequence[ScoredRun], *, goal: Goal) -> dict[int, int]:
    """Return for each run the fifth of the scores that it is in, from 0, the worst, to 4."""
    ordered = best_scores_first(runs, goal=goal)
    return {run.run: 4 - 5 * rank // len(ordered) for rank, run in enumerate(ordered)}


def spans_decades(values: Sequence[float], *, decades: float = 1.5) -> bool:
    """Whether positive values differ so much that a logarithmic axis shows them better."""
    return bool(values) and min(values) > 0 and math.log10(max(values) / min(values)) > decades


def drawable(value: Any) -> Any:
    """Return plain data for a chart: numbers with as many digits as can be seen, None for infinity and not-a-number."""
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: drawable(item) for key, item in value.items()}
    return [drawable(item) for item in value] if isinstance(value, list | tuple) else value


def _sign(goal: Goal) -> float:
    return 1.0 if goal == "maximize" else -1.0
