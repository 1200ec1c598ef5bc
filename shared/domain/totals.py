"""The totals of a sweep, from the events of its log."""

from __future__ import annotations

import sys
from typing import Any

from shared.domain.events import Event, RunCancelled, RunFailed, RunObserved, RunRetried, SweepResumed
from shared.domain.sweep import Best, Sweep

COUNTED = frozenset({"observed", "failed", "cancelled", "retried", "resumed"})
"""The kinds of events that change the totals of a sweep."""


def absorb(sweep: Sweep, event: Event, *, position: int) -> Sweep:
    """Return the sweep whose totals include the event at `position` of its log. The version stays."""
    changes: dict[str, Any] = {"seen": position}
    match event:  # the kinds of COUNTED
        case RunObserved():
            changes |= {
                "observed": sweep.observed + 1,
                "spent": _sum(sweep.spent, event.cost),
                "consecutive_failures": 0,
                "best": _better(sweep, Best(run=event.run, score=event.score, cost=event.cost)),
            }
        case RunFailed():
            by_user = event.failure != "crash loop"  # infrastructure does not count
            changes |= {
                "failed": sweep.failed + 1,
                "spent": _sum(sweep.spent, event.cost or 0.0),
                "consecutive_failures": sweep.consecutive_failures + by_user,
            }
        case RunCancelled():
            changes |= {"cancelled": sweep.cancelled + 1}
        case RunRetried():
            changes |= {event.was: getattr(sweep, event.was) - 1, "spent": max(sweep.spent - event.cost, 0.0)}
        case SweepResumed():
            changes |= {"consecutive_failures": 0}
    return sweep.model_copy(update=changes)


def _sum(spent: float, cost: float) -> float:
    # Never infinite: JSON has no such number, so the record could not be read back.
    return min(spent + cost, sys.float_info.max)


def _better(sweep: Sweep, rival: Best) -> Best:
    best = sweep.best
    if best is None:
        return rival
    sign = 1.0 if sweep.goal == "maximize" else -1.0
    return rival if (sign * rival.score, -rival.cost) > (sign * best.score, -best.cost) else best
