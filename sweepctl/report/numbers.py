"""The numbers behind a report, as plain data for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shared.control.results import pareto_front
from shared.control.snapshot import describe_best
from shared.domain.run import run_id
from sweepctl.report.findings import calibration_of, failures_by_message, points_of
from sweepctl.report.timeline import usage_of

if TYPE_CHECKING:
    from sweepctl.report.collect import Material


def numbers_of(material: Material) -> dict[str, Any]:
    """Return what a report draws, all of it and not thinned. Keys are only ever added."""
    sweep, found = material.sweep, material.standings
    points = points_of(material.runs, material.timeline.ended, goal=sweep.goal)
    noise = sweep.memory.get("noise")
    calibration = calibration_of(material.runs, noise=noise[0] if noise else None)
    best = describe_best(found[0].run, sweep, found[0].configuration) if found else None
    return {
        "sweep": sweep.name,
        "goal": sweep.goal,
        "best": best,
        "history": [asdict(point) for point in points],
        "front": [one.run.id for one in pareto_front(found, goal=sweep.goal)] if found else [],
        "importance": asdict(material.importance),
        "predictions": asdict(calibration),
        "failures": [
            {**asdict(group), "runs": [run_id(sweep.name, number) for number in group.runs]}
            for group in failures_by_message(material.runs)
        ],
        "workers": [{**asdict(one), "share": one.share} for one in usage_of(material.timeline)],
    }
