"""The numbers of a report as plain data for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.control.results import pareto_front
from shared.control.snapshot import describe_best
from shared.domain.run import run_id
from sweepctl.report.analysis import failures_by_message
from sweepctl.report.material import Material
from sweepctl.report.timeline import usage_of


def numbers_of(material: Material) -> dict[str, Any]:
    """Return everything that a report shows, complete where charts show only some of the runs. Keys are only added."""
    sweep, standings = material.sweep, material.standings
    best = describe_best(standings[0].run, sweep, standings[0].configuration) if standings else None
    return {
        "sweep": sweep.name,
        "goal": sweep.goal,
        "best": best,
        "history": [asdict(run) for run in material.scored],
        "front": [one.run.id for one in pareto_front(standings, goal=sweep.goal)] if standings else [],
        "importance": asdict(material.importance),
        "predictions": asdict(material.calibration),
        "failures": [
            {**asdict(group), "runs": [run_id(sweep.name, number) for number in group.runs]}
            for group in failures_by_message(material.runs)
        ],
        "workers": [{**asdict(one), "share": one.share} for one in usage_of(material.timeline)],
    }
