"""A forecast of the runs, time and cost that a sweep still needs, from its last runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from shared.domain.run import LEASED, Run, RunState
from shared.domain.sweep import SECONDS_PER_HOUR, Sweep, SweepState, cuts_short, expected_cost

LAST_RUNS = 10
"""The medians of this many last runs are used for the remaining ones."""


@dataclass(frozen=True)
class Forecast:
    """What is left of a sweep, under the assumption that `assumes` states.

    `limit` is the one that is reached first; None if no limit is set that can be predicted. Then the end is not known.
    A target score cannot be predicted: it may end the sweep at any time.
    """

    limit: str | None
    runs_left: int | None  # that have not ended, with those in progress
    seconds_left: float | None
    cost_at_end: float | None  # in the unit of the sweep's cost, with what was spent
    run_seconds: float
    run_cost: float
    of_runs: int  # the number of last runs behind these medians
    slots: int  # that work at the same time

    @property
    def assumes(self) -> str:
        """The assumption, as a sentence."""
        runs = f"the median of the last {self.of_runs} runs" if self.of_runs > 1 else "the last run"
        slots = f"{self.slots} slots work" if self.slots > 1 else "1 slot works"
        return f"each remaining run takes and costs as much as {runs}, and {slots} without a pause"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), "assumes": self.assumes}


def forecast(
    sweep: Sweep, *, unfinished: Sequence[Run], last: Sequence[Run], live_slots: int, now: float
) -> Forecast | None:
    """Return what is left of a sweep; None if it is paused or finished, and before its first run has ended.

    `last` are the last runs that ended. Runs in progress count as half done.
    """
    ended = [run for run in last if run.cost is not None][-LAST_RUNS:]
    if sweep.state in (SweepState.PAUSED, SweepState.FINISHED) or not ended:
        return None
    seconds = median(run.train_seconds + run.eval_seconds for run in ended)
    cost = median(run.cost or 0.0 for run in ended)
    slots = max(min(live_slots, sweep.limits.parallelism or live_slots), 1)
    continuing = [run for run in unfinished if not (run.state is RunState.QUEUED and cuts_short(sweep, now=now))]
    in_progress = sum(run.state in LEASED for run in continuing)
    limit, runs = None, None
    if found := _limits(sweep, continuing, in_progress, seconds=seconds, cost=cost, slots=slots, now=now):
        limit = min(found, key=lambda name: found[name])
        runs = max(found[limit], len(continuing))
    left = at_end = None
    if runs is not None:
        left = max(runs - in_progress / 2, 0.0) * seconds / slots
        at_end = sweep.spent + expected_cost(sweep, continuing) + (runs - len(continuing)) * cost
    return Forecast(limit, runs, left, at_end, seconds, cost, len(ended), slots)


def _limits(
    sweep: Sweep, continuing: Sequence[Run], in_progress: int, *, seconds: float, cost: float, slots: int, now: float
) -> dict[str, int]:
    """Return for each limit how many runs must still end before the sweep is finished."""
    limits, found = sweep.limits, {}
    if cuts_short(sweep, now=now):
        return {"nothing new is started": len(continuing)}
    if limits.max_runs is not None:
        found["max_runs"] = limits.max_runs - sweep.created + len(continuing)
    if limits.max_cost is not None and cost > 0:
        room = limits.max_cost - sweep.spent - expected_cost(sweep, continuing)
        found["max_cost"] = len(continuing) + _whole(room / cost)
    if limits.max_hours is not None and seconds > 0:
        until = sweep.created_at + limits.max_hours * SECONDS_PER_HOUR - now
        found["max_hours"] = _whole(slots * until / seconds + in_progress / 2)
    return found


def _whole(runs: float) -> int:
    return math.ceil(min(max(runs, 0.0), 2.0**53))
