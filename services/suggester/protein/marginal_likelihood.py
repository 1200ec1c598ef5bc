"""The log posterior of a surrogate's hyperparameters, its gradient in closed form, and the fit that maximizes it.

Symbols: n observations, w features, g length scales; `theta` = (log length scales (g,), log output scale, log noise).
The value is that of gpytorch's exact marginal log likelihood with the priors of `surrogate.py` (a test compares both).
For the small matrices of a sweep, autograd would take a hundred times as long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize

Array = NDArray[np.float64]
UNUSABLE = 1e20  # the value if the covariance cannot be factored: the line search then makes a smaller step


@dataclass(frozen=True)
class LogPrior:
    """Independent normal priors on theta (g + 2,), and the bounds of the search."""

    mean: Array
    std: Array

    @property
    def bounds(self) -> list[tuple[float, float]]:
        g = len(self.mean) - 2
        return [(math.log(0.01), math.log(50.0))] * g + [
            (math.log(1e-3), math.log(1e3)),
            (math.log(1e-8), math.log(10)),
        ]


class NegativeLogPosterior:
    """Maps theta to (value, gradient), to minimize, for a zero-mean Matern-5/2 process with observation noise.

    `features` are (n, w), `owners` (w,) the index of each column's length scale, `targets` (n,).
    """

    def __init__(self, features: Array, owners: Sequence[int], targets: Array, prior: LogPrior) -> None:
        self.features, self.targets, self.prior = features, targets, prior
        self.owners = np.asarray(owners, dtype=np.intp)

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Rasmussen & Williams (2006), equations 5.8 and 5.9, plus the priors."""
        n, scale, noise = len(self.targets), math.exp(theta[-2]), math.exp(theta[-1])
        z = self.features / np.exp(theta[:-2])[self.owners]
        base, slope = matern52(z)
        covariance = scale * base
        covariance.flat[:: n + 1] += noise
        factor, failed = lapack.dpotrf(covariance, lower=1, overwrite_a=1)
        if failed:
            return UNUSABLE, np.zeros_like(theta)
        alpha = lapack.dpotrs(factor, self.targets, lower=1)[0]
        pull = (theta - self.prior.mean) / self.prior.std
        value = 0.5 * self.targets @ alpha + np.log(np.diagonal(factor)).sum() + 0.5 * n * math.log(2 * math.pi)
        value += 0.5 * pull @ pull + np.log(self.prior.std).sum() + 0.5 * len(theta) * math.log(2 * math.pi)
        lower = np.tril(lapack.dpotri(factor, lower=1)[0])
        weight = np.multiply.outer(alpha, alpha) - lower - lower.T
        weight.flat[:: n + 1] += np.diagonal(lower)
        gradient = pull / self.prior.std
        gradient[-2] -= 0.5 * scale * np.vdot(weight, base)
        gradient[-1] -= 0.5 * noise * np.trace(weight)
        weight *= slope
        # sum_ab w_ab (z_aj - z_bj)^2, for each column j, without an (n, n, w) array
        columns = 2 * (weight.sum(axis=1) @ z**2 - np.einsum("aj,aj->j", z, weight @ z))
        gradient[:-2] -= 0.5 * scale * np.bincount(self.owners, columns, minlength=len(theta) - 2)
        return float(value), gradient


def matern52(z: Array) -> tuple[Array, Array]:
    """Return the correlation (n, n) of scaled features z (n, w), and -2 times its slope in the squared distance."""
    squares = np.einsum("aj,aj->a", z, z)
    r = z @ z.T
    r *= -2
    r += squares[:, None]
    r += squares
    np.maximum(r, 0.0, out=r)
    r *= 5
    np.sqrt(r, out=r)
    decay = np.exp(-r)
    slope = (5 / 3) * (1 + r) * decay
    return (1 + r + r * r / 3) * decay, slope


def fit(objective: NegativeLogPosterior, starts: Sequence[Array], *, iterations: int) -> Array:
    """Return the best theta found from `starts`, rounded to four decimals, so that it is short and exact as text."""
    best_value, best = math.inf, np.asarray(starts[0], dtype=np.float64)
    lower, upper = np.array(objective.prior.bounds).T
    for start in starts:
        found = minimize(
            objective,
            np.clip(start, lower, upper),
            jac=True,
            method="L-BFGS-B",
            bounds=objective.prior.bounds,
            options={"maxiter": iterations, "ftol": 1e-5, "gtol": 1e-2},
        )
        if np.isfinite(found.fun) and found.fun < best_value:
            best_value, best = float(found.fun), found.x
    return np.round(best, 4)
