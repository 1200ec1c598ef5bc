"""Estimates how much the scores of equal configurations differ, from the fit of the loss surrogate."""

from __future__ import annotations

import math
from typing import Final

from services.suggester.protein.surrogate import Surrogate

ENOUGH: Final = 5.0  # degrees of freedom: with fewer, the fit stays near its prior, up to 20 times too small
NEGLIGIBLE: Final = 0.01  # of the standard deviation of the losses: without noise, the fit is at most 0.0003


def degrees_of_freedom(loss: Surrogate) -> float:
    """Return how many of the n observations determine the noise, 0 to n.

    The sum of (v / (l + v))^2 over the eigenvalues l of the observations' covariance, with noise variance v: the
    residual degrees of freedom of a linear smoother (Hastie and Tibshirani, 1990, section 3.5), and twice the expected
    information on log v (Mardia and Marshall, 1984), so 2 / it is about the variance of the fitted log v.
    """
    block = loss.whitener[: loss.observed, : loss.observed]
    precision = block.T @ block
    return float(loss.noise**2 * (precision**2).sum())


def estimate(loss: Surrogate, *, spread: float) -> list[float] | None:
    """Return [standard deviation, degrees of freedom] of the noise; None while too little is known about it.

    `spread` is the standard deviation of the observed scores, and gives the first number its unit. A noise that is too
    small to matter is 0.
    """
    degrees = degrees_of_freedom(loss)
    if degrees < ENOUGH:
        return None
    std = math.sqrt(loss.noise)
    return [std * spread if std >= NEGLIGIBLE else 0.0, round(degrees, 2)]
