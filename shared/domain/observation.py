"""The score and the cost of a run, from the metrics that it reported."""

from __future__ import annotations

import math
from collections.abc import Mapping

from shared.domain.errors import SweepError


class BadScore(SweepError):
    """A run ended without a usable score or cost."""


def score_of(metrics: Mapping[str, float], *, metric: str) -> float:
    """Return the score: the returned `score`, else the sweep's metric. Raises BadScore."""
    for name in ("score", metric):
        if name in metrics:
            return _finite(name, metrics[name])
    raise BadScore(f"metric {metric!r} was never reported; seen: {_seen(metrics)}: report it, or set sweep.metric")


def cost_of(metrics: Mapping[str, float], *, cost: str, seconds: float, steps: int) -> float:
    """Return the cost: the returned `cost`, else seconds, steps or the metric that `cost` names. Raises BadScore."""
    if "cost" in metrics:
        return _not_negative("cost", metrics["cost"])
    if cost == "seconds":
        return seconds
    if cost == "steps":
        return float(steps)
    if cost in metrics:
        return _not_negative(cost, metrics[cost])
    raise BadScore(f"cost {cost!r} was never reported; seen: {_seen(metrics)}: report it, or set cost=seconds")


def spent_by(metrics: Mapping[str, float], *, cost: str, seconds: float, steps: int) -> float:
    """Return what a training has cost so far, as `cost_of` does; 0 while that was not reported."""
    try:
        return cost_of(metrics, cost=cost, seconds=seconds, steps=steps)
    except BadScore:
        return 0.0


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise BadScore(f"{name} is {value}: it must be a finite number")
    return float(value)


def _not_negative(name: str, value: float) -> float:
    if _finite(name, value) < 0:
        raise BadScore(f"{name} is {value}: a cost must not be negative")
    return float(value)


def _seen(metrics: Mapping[str, float]) -> str:
    return ", ".join(sorted(metrics)) or "nothing"
