"""How a run in training is getting on: the last report and a thinned curve of the metric."""

from __future__ import annotations

from collections.abc import Mapping

from shared.domain.run import Frozen, finite

MOST_POINTS = 64


class Progress(Frozen):
    """The last report of a run and at most `MOST_POINTS` points (step, value) of the sweep's metric."""

    step: int = 0
    total_steps: int | None = None
    metrics: dict[str, float] = {}
    curve: tuple[tuple[int, float], ...] = ()

    def after(self, step: int, metrics: Mapping[str, float], *, metric: str) -> Progress:
        """Return the progress with one more report. Points beyond `step`, of a lost attempt, are dropped."""
        curve = tuple(point for point in self.curve if point[0] < step)
        numbers = finite(metrics)
        if metric in numbers:
            curve = _thinned((*curve, (step, numbers[metric])))
        return self.model_copy(update={"step": step, "metrics": {**self.metrics, **numbers}, "curve": curve})


def _thinned(curve: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
    if len(curve) <= MOST_POINTS:
        return curve
    # Every second point goes, the last one stays: the spacing doubles and stays even.
    return curve[(len(curve) + 1) % 2 :: 2]
