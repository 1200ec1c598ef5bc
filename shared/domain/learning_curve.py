"""A run of N steps contains runs of fewer steps: how long it really was, and what its curve says of shorter ones."""

from __future__ import annotations

from shared.domain.parameter import Parameter
from shared.domain.progress import Progress
from shared.domain.run import EarlierPoint, Params

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Where a run's curve is read. Halves, as a log scale tells them apart; three, so that fits stay cheap."""


def trained_length(parameter: Parameter, suggested: float, *, steps: int, of_steps: int) -> Params:
    """Return the value of the parameter that stretches a run, as it was trained: `steps` of the suggested `of_steps`.

    The nearest legal one; nothing if that is the suggested one.
    """
    length = parameter.nearest(min(suggested * steps / of_steps, suggested))
    return {} if length == suggested else {parameter.path: length}


def earlier_points(
    progress: Progress, parameter: Parameter, *, length: float, steps: int, score: float, cost: float, own_cost: bool
) -> tuple[EarlierPoint, ...]:
    """Return what the curve of a run of `length`, that is `steps`, says of runs that are shorter, the shortest first.

    Its points next to 1/8, 1/4 and 1/2 of the steps, each with the legal length nearest to its own. The metric as
    reported there is moved by what the score differs from the last report: an evaluation measures in its own way. The
    cost is the run's without what was spent later; with `own_cost`, which is in a unit of its own, in proportion.
    """
    found: dict[object, EarlierPoint] = {}
    told = [point for point in progress.points() if 0 < point.step < steps]
    if not told or steps <= 0:
        return ()
    last = progress.points()[-1]
    for share in SHARES:
        point = min(told, key=lambda point: abs(point.step - share * steps))
        raw = length * point.step / steps
        legal = parameter.nearest(raw)
        spent = cost * point.spent / last.spent if own_cost and last.spent else cost - (last.spent - point.spent)
        if raw >= parameter.min and legal != length and spent > 0:
            moved = point.value + (score - last.value)
            found.setdefault(legal, EarlierPoint(params={parameter.path: legal}, score=moved, cost=spent))
    return tuple(found.values())
