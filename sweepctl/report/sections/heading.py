"""The heading of a report: the sweep, its state, and its totals."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config.frozen import job_of
from sweepctl.report.material import Material


@dataclass(frozen=True)
class Heading:
    """What is above the sections. The times are in seconds since the epoch."""

    name: str
    goal: str
    metric: str
    method: str
    state: str
    runs: str
    spent: str
    started: float
    as_of: float


def heading_of(material: Material) -> Heading:
    """Return the heading of a sweep."""
    sweep, unit = material.sweep, material.cost_unit()
    spent = unit.text(sum(run.cost or 0.0 for run in material.runs))
    return Heading(
        name=sweep.name,
        goal=sweep.goal.capitalize(),
        metric=material.metric,
        method=job_of(sweep).sweep.method,
        state=f"{sweep.state}: {sweep.reason}" if sweep.reason else str(sweep.state),
        runs=_counts(material),
        spent=f"{spent} {unit.note}".strip(),
        started=sweep.created_at,
        as_of=material.now,
    )


def _counts(material: Material) -> str:
    states = sorted(str(run.state) for run in material.runs)
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "none yet"
    stopped = sum(run.early_stop is not None and run.is_finished for run in material.runs)
    return f"{counts} ({stopped} stopped early)" if stopped else counts
