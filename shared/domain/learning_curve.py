"""A run of N steps contains shorter runs: its real length, and the shorter runs that its curve shows."""

from __future__ import annotations

from shared.domain.parameter import Parameter
from shared.domain.progress import Progress
from shared.domain.run import EarlierPoint, Params

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Where a run's curve is read: halves, which are evenly spaced on a log scale; three, so that fits stay cheap."""


def trained_length(parameter: Parameter, suggested: float, *, steps: int, of_steps: int) -> Params:
    """Return the value of the length parameter that was really trained: `steps` of the suggested `of_steps`.

    The nearest legal value; nothing if that is the suggested one.
    """
    length = parameter.nearest(min(suggested * steps / of_steps, suggested))
    return {} if length == suggested else {parameter.path: length}


def earlier_points(
    progress: Progress, parameter: Parameter, *, length: float, steps: int, score: float, cost: float, own_cost: bool
) -> tuple[EarlierPoint, ...]:
    """Return the shorter runs that the curve of a run of `length`, that is `steps`, contains; the shortest first.

    They are the points nearest to 1/8, 1/4 and 1/2 of the steps, each with the nearest legal length. The score is the
    metric at that point, plus the difference between the run's score and its last report, because an evaluation may
    measure differently. The cost is that of the run minus what was spent after the point; with `own_cost`, which has a
    unit of its own, it is in proportion.
    """
    found: dict[object, EarlierPoint] = {}
    points = [point for point in progress.points() if 0 < point.step < steps]
    if not points or steps <= 0:
        return ()
    last = progress.points()[-1]
    for share in SHARES:
        point = min(points, key=lambda point: abs(point.step - share * steps))
        raw = length * point.step / steps
        legal = parameter.nearest(raw)
        spent = cost * point.spent / last.spent if own_cost and last.spent else cost - (last.spent - point.spent)
        if raw >= parameter.min and legal != length and spent > 0:
            moved = point.value + (score - last.value)
            found.setdefault(legal, EarlierPoint(params={parameter.path: legal}, score=moved, cost=spent))
    return tuple(found.values())
