"""The data that a report shows: a sweep as it was read from the store, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from shared.control.results import Standing
from shared.domain.importance import Importance
from shared.domain.progress import Progress
from shared.domain.run import Run, RunState
from shared.domain.search_space import SearchSpace
from shared.domain.sweep import Sweep
from sweepctl.report.analysis import Calibration, ScoredRun, calibration_of, fifths, scored_runs
from sweepctl.report.timeline import Timeline
from sweepctl.report.units import Unit, time_unit


@dataclass(frozen=True)
class Material:
    """A sweep for a report. `standings` are its configurations, the best first; `now` is the time of the server."""

    sweep: Sweep
    space: SearchSpace
    runs: Sequence[Run]
    standings: Sequence[Standing]
    timeline: Timeline
    curves: Mapping[int, Progress]
    importance: Importance
    now: float

    @cached_property
    def metric(self) -> str:
        """The name of the metric that is the score."""
        return self.sweep.metric

    @cached_property
    def better(self) -> str:
        """Which scores are better: `higher` or `lower`."""
        return "higher" if self.sweep.goal == "maximize" else "lower"

    @cached_property
    def scored(self) -> list[ScoredRun]:
        """The runs with a score, in the order in which they ended."""
        return scored_runs(self.runs, self.timeline.ended, goal=self.sweep.goal)

    @cached_property
    def fifths(self) -> dict[int, int]:
        """The fifth of all scores that each run is in, by its number: 0 is the worst, 4 the best."""
        return fifths(self.scored, goal=self.sweep.goal)

    @cached_property
    def failed(self) -> list[Run]:
        """The runs that failed."""
        return [run for run in self.runs if run.state is RunState.FAILED]

    @cached_property
    def noise(self) -> float | None:
        """The standard deviation of scores of runs that differ only in their seed; None while it is not known."""
        known = self.sweep.memory.get("noise")
        return known[0] if known else None

    @cached_property
    def calibration(self) -> Calibration:
        """Predictions and outcomes."""
        return calibration_of(self.runs, noise=self.noise)

    @cached_property
    def cost_kind(self) -> str:
        """What a cost is: seconds, steps, a metric, or `as reported` where the trainings reported it themselves."""
        if any("cost" in run.metrics for run in self.runs):
            return "as reported"
        return self.sweep.cost_kind

    def cost_unit(self, largest: float = 0.0) -> Unit:
        """Return the unit of costs. Seconds become minutes or hours where `largest`, in seconds, is that long."""
        return time_unit(largest) if self.cost_kind == "seconds" else Unit(self.cost_kind, 1.0, is_time=False)
