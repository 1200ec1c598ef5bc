"""The progress of a run in training: its last report and a thinned curve of the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from shared.domain.run import Frozen, finite

MOST_POINTS = 64


class Point(NamedTuple):
    """The sweep's metric at a step, and the cost of the training up to that step, in the unit of the sweep's cost."""

    step: int
    value: float
    spent: float


class Progress(Frozen):
    """The last report of a run and at most `MOST_POINTS` points (step, value) of the sweep's metric."""

    attempt: int = 0  # that reports
    step: int = 0
    began: int | None = None  # the first step of this attempt, in a report or a checkpoint
    total_steps: int | None = None
    metrics: dict[str, float] = {}
    curve: tuple[tuple[int, float], ...] = ()
    spent: tuple[float, ...] = ()  # cost at each point of the curve, in the unit of the sweep's cost

    def points(self) -> list[Point]:
        """Return the curve with the cost at each point."""
        pairs = zip_longest(self.curve, self.spent, fillvalue=0.0)  # an older version did not record it
        return [Point(*point, spent) for point, spent in pairs if isinstance(point, tuple)]

    def after(self, step: int, metrics: Mapping[str, float], *, metric: str, spent: float = 0.0) -> Progress:
        """Return the progress with one more report. Points beyond `step`, of a lost attempt, are dropped."""
        points = [point for point in self.points() if point.step < step]
        numbers = finite(metrics)
        if metric in numbers:
            points = _thinned([*points, Point(step, numbers[metric], spent)])
        return self.begun(step)._with(points, step=step, metrics={**self.metrics, **numbers})

    def begun(self, step: int) -> Progress:
        """Return the progress of an attempt that has reached `step`."""
        return self if self.began is not None else self.model_copy(update={"began": step})

    def resumed(self, step: int, *, attempt: int) -> Progress:
        """Return the progress of an attempt that resumes at `step`: reports beyond it are dropped."""
        points = [point for point in self.points() if point.step <= step]
        return self._with(points, step=min(self.step, step), attempt=attempt, began=None)

    def _with(self, points: Sequence[Point], **changes: object) -> Progress:
        curve = tuple((point.step, point.value) for point in points)
        return self.model_copy(update={"curve": curve, "spent": tuple(point.spent for point in points), **changes})


def _thinned(points: list[Point]) -> list[Point]:
    if len(points) <= MOST_POINTS:
        return points
    # Every second point is dropped and the last one kept: the spacing doubles and stays even.
    return points[(len(points) + 1) % 2 :: 2]
