"""How much equal runs differ, as far as the surrogate of the loss has found out."""

from __future__ import annotations

import math
from typing import Final

from services.suggester.protein.surrogate import Surrogate

ENOUGH: Final = 5.0  # degrees of freedom: with fewer the fit is near its prior, up to 20 times too small
NEGLIGIBLE: Final = 0.01  # of the standard deviation of the losses: without noise the fit is 0.0003 at most


def degrees_of_freedom(loss: Surrogate) -> float:
    """Return how many of the n observations are left to tell the noise from, 0 to n.

    The sum of (v / (l + v))^2 over the eigenvalues l of the observations' covariance, with noise variance v: the
    residual degrees of freedom of a linear smoother (Hastie and Tibshirani, 1990, section 3.5), and twice the expected
    information on log v (Mardia and Marshall, 1984), so 2 / it is about the variance of the fitted log v.
    """
    block = loss.whitener[: loss.observed, : loss.observed]
    precision = block.T @ block
    return float(loss.noise**2 * (precision**2).sum())


def told(loss: Surrogate, *, spread: float) -> list[float] | None:
    """Return [standard deviation, degrees of freedom] of the noise, None while too little is known of it.

    `spread` is the standard deviation of the observed scores, in whose unit the first number is; 0 where what noise
    there is does not count.
    """
    degrees = degrees_of_freedom(loss)
    if degrees < ENOUGH:
        return None
    std = math.sqrt(loss.noise)
    return [std * spread if std >= NEGLIGIBLE else 0.0, round(degrees, 2)]
