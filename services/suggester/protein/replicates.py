"""Decides by the expected gains whether the next run repeats the best configuration with a new seed, or explores.

Symbols: m means (lower is better) and C covariances of losses without their noise, v the variance of the noise. A run
at i changes m_i - m_j by a normal number of standard deviation |C_ii - C_ij| / sqrt(C_ii + v). So it is expected to
lower the smaller of m_i and m_j by the expected improvement of i over j, computed with that deviation: the knowledge
gradient of two alternatives with correlated beliefs (Frazier, Powell and Dayanik, 2009; for a continuous space Scott,
Frazier and Powell, 2011). Binois et al. (2019) ask the same question for a model of a whole region.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.suggester.protein.acquisition import log_expected_improvement
from services.suggester.protein.surrogate import SMALLEST_VARIANCE, Surrogate

Array = NDArray[np.float64]

SHARE: Final = 1 / 3  # the largest share of all runs that may repeat an earlier one
RIVALS: Final = 50  # the configurations with the best means that the best one is compared with


@dataclass(frozen=True)
class Tried:
    """The different configurations that were run or are running.

    `units` are (c, d). `runs` (c,) is the number of runs of each, with pending and failed ones. `scored` (c,) is true
    for a configuration that has a score and never failed.
    """

    units: Array
    runs: NDArray[np.intp]
    scored: NDArray[np.bool_]

    @classmethod
    def of(cls, units: Array, losses: Array, waiting: Array) -> Tried:
        """Collect units (n, d) of the observed runs with losses (n,), nan for failed ones, and `waiting` (p, d)."""
        rows = np.concatenate([units, waiting])
        distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
        place = inverse.reshape(-1)
        observed = place[: len(units)]
        scored = np.zeros(len(distinct), dtype=np.bool_)
        scored[observed] = True
        scored[observed[~np.isfinite(losses)]] = False
        return cls(distinct, np.bincount(place, minlength=len(distinct)), scored)

    @property
    def has_room(self) -> bool:
        """Whether one more repetition stays within SHARE."""
        total = int(self.runs.sum())
        return total - len(self.runs) + 1 <= SHARE * (total + 1)


@dataclass(frozen=True)
class Gains:
    """The log of the amount by which a run at the best configuration, or at the new candidate, lowers the best mean."""

    again: float
    new: float


def best_and_rivals(loss: Surrogate, features: Array) -> NDArray[np.intp]:
    """Return the indices of the configurations, features (c, w), with the best means, the best first."""
    order: NDArray[np.intp] = np.argsort(loss.mean(features), kind="stable")[: RIVALS + 1]
    return order


def gains(loss: Surrogate, known: Array, candidate: Array) -> Gains | None:
    """Compare a run at known[0], the best of features (c, w), with one at `candidate` (1, w).

    None if the best differs clearly from every rival: its mean is lower by more than the standard deviation of the
    difference.
    """
    mean, covariance = loss.joint(np.concatenate([known, candidate]))
    own = np.diagonal(covariance)
    apart = np.sqrt(np.maximum(own[0] + own - 2 * covariance[0], SMALLEST_VARIANCE))
    alike = np.nonzero(mean[1:-1] - mean[0] < apart[1:-1])[0] + 1
    if not len(alike):
        return None
    again = _log_gain(mean[0] - mean[alike], own[0] - covariance[0, alike], own[0] + loss.noise)
    new = _log_gain(mean[:1] - mean[-1:], own[-1:] - covariance[0, -1:], own[-1] + loss.noise)
    return Gains(float(again.max()), float(new[0]))


def _log_gain(gap: Array, shared: Array, total: float) -> Array:
    deviation = np.maximum(np.abs(shared) / np.sqrt(total), np.sqrt(SMALLEST_VARIANCE))
    return log_expected_improvement(gap, deviation)[0]
