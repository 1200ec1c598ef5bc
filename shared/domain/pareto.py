"""The Pareto front of finished runs: those that no other run beats on score and cost together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pareto_mask(scores: Array, costs: Array) -> NDArray[np.bool_]:
    """Mark the observations no other one beats. Higher score is better, lower cost is better.

    `scores` and `costs` are (n,), the mask too. One observation beats another if it is no worse in both and better
    in one; so observations equal in both are on the front together. Takes O(n log n).
    Raises ValueError if the lengths differ or a number is not finite.
    """
    scores, costs = np.asarray(scores, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    if scores.shape != costs.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and costs {costs.shape}: expected two lists of one length")
    if not (np.isfinite(scores).all() and np.isfinite(costs).all()):
        raise ValueError("scores and costs must be finite: leave out the runs without a score")
    if not len(scores):
        return np.zeros(0, dtype=np.bool_)
    levels, level = np.unique(costs, return_inverse=True)  # costs in rising order, and the place of each
    best_at = np.full(len(levels), -np.inf)
    np.maximum.at(best_at, level, scores)
    best_below = np.concatenate([[-np.inf], np.maximum.accumulate(best_at)[:-1]])  # among strictly lower costs
    mask: NDArray[np.bool_] = (scores == best_at[level]) & (scores > best_below[level])
    return mask


def pareto_order(scores: Array, costs: Array) -> NDArray[np.intp]:
    """Return the indices of the front from the cheapest to the dearest, hence from the worst score to the best."""
    (front,) = np.nonzero(pareto_mask(scores, costs))
    order: NDArray[np.intp] = front[np.argsort(np.asarray(costs)[front], kind="stable")]
    return order
