"""The Pareto front of finished runs: those that no other run beats on score and cost.

It does not use numpy: to load numpy takes longer than to find the front of thousands of runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto_mask(scores: Sequence[float], costs: Sequence[float]) -> list[bool]:
    """Mark the observations that no other one beats. Higher score is better, lower cost is better.

    `scores`, `costs` and the mask are (n,). One observation beats another if it is no worse in both and better in
    one; so observations that are equal in both are on the front together. Takes O(n log n).
    Raises ValueError if the lengths differ or a number is not finite.
    """
    front = set(pareto_order(scores, costs))
    return [index in front for index in range(len(scores))]


def pareto_order(scores: Sequence[float], costs: Sequence[float]) -> list[int]:
    """Return the indices of the front from the lowest cost to the highest, so from the worst score to the best."""
    if len(scores) != len(costs):
        raise ValueError(f"{len(scores)} scores and {len(costs)} costs: expected two lists of one length")
    if not all(map(math.isfinite, scores)) or not all(map(math.isfinite, costs)):
        raise ValueError("scores and costs must be finite: leave out the runs without a score")
    front: list[int] = []
    for index in sorted(
        range(len(scores)), key=lambda i: (costs[i], -scores[i])
    ):  # for equal cost the best score first
        last = front[-1] if front else None
        equal = last is not None and (scores[index], costs[index]) == (scores[last], costs[last])
        if last is None or equal or scores[index] > scores[last]:
            front.append(index)
    return front
