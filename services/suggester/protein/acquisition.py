"""Ranks candidates by the expected improvement of the score, the chance of success, and the cost, all as logarithms.

The rank of a candidate is log EI + log P(success) - a log(cost). The weight `a` is drawn again for each suggestion:
some suggestions are cheap and informative, others aim at the best score. Losses are standardized; lower is better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr

from services.suggester.protein.surrogate import Surrogate

Array = NDArray[np.float64]

LOG_SQRT_2PI: Final = 0.5 * math.log(2 * math.pi)
MOST_DOUBT: Final = 0.03  # the most noise of the success surrogate: with more, a region that fails is tried for ever
OPTIMISM_UNIT: Final = 0.1  # standard deviations of the loss over which `ucb` changes from a logarithm to a line


def log_improvement(z: Array) -> Array:
    """Return log(phi(z) + z Phi(z)), exact to rounding for any z: Ament et al. (2023), equation 9."""
    z = np.asarray(z, dtype=np.float64)
    near, far = np.maximum(z, -1.0), np.clip(z, -1e8, -1.0)
    density = np.exp(-0.5 * near**2 - LOG_SQRT_2PI)
    above = np.log(density + near * np.exp(log_ndtr(near)))
    tail = np.log(-far) + np.log(math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2)))  # log(-z Phi / phi), below 0
    with np.errstate(divide="ignore"):
        below = np.where(z > -1e4, np.log(-np.expm1(np.minimum(tail, 0.0))), -2 * np.log(-far))
    return np.where(z > -1.0, above, -0.5 * z**2 - LOG_SQRT_2PI + below)


def log_expected_improvement(gap: Array, std: Array) -> tuple[Array, Array, Array]:
    """Return log E max(gap + std N(0, 1), 0) and its derivatives with respect to gap and std, each (m,)."""
    z = gap / std
    h = log_improvement(z)
    slope = np.exp(log_ndtr(z) - h)
    return np.log(std) + h, slope / std, (1 - slope * z) / std


def log_optimistic_improvement(gap: Array, std: Array, *, beta: float) -> tuple[Array, Array, Array]:
    """Return log softplus of the improvement `beta` standard deviations above the mean, and its two derivatives."""
    x = (gap + beta * std) / OPTIMISM_UNIT
    softplus = np.logaddexp(0.0, x)
    value = np.where(x < -30, x, np.log(np.maximum(softplus, 1e-300)))
    sigmoid = np.exp(-np.logaddexp(0.0, -x))
    slope = np.where(x < -30, 1.0, sigmoid / np.maximum(softplus, 1e-300)) / OPTIMISM_UNIT
    return value, slope, beta * slope


class Mean(Protocol):
    """Predicts at features (m, w), without an uncertainty."""

    def mean(self, features: Array) -> Array:
        """Return the mean (m,)."""

    def mean_with_gradient(self, features: Array) -> tuple[Array, Array]:
        """Return the mean (m,) and its gradient (m, w)."""


@dataclass(frozen=True)
class Acquisition:
    """Maps features (m, w) to ranks (m,), higher is better. A surrogate that does not exist is None.

    `incumbent` is the loss to improve on. `optimism` is None for expected improvement, else the beta of `ucb`. `cost`
    predicts log cost, `cost_weight` is a; a candidate with a prediction above `log_cost_cap` has rank -inf.
    """

    loss: Surrogate | None
    incumbent: float
    cost: Mean | None = None
    success: Surrogate | None = None
    cost_weight: float = 0.0
    log_cost_cap: float = math.inf
    optimism: float | None = None

    def __call__(self, features: Array) -> Array:
        improvement, success, log_cost = self._parts(features)
        rank = improvement + success
        if self.cost is not None and (self.cost_weight or self.log_cost_cap < math.inf):
            rank -= self.cost_weight * log_cost
            rank[log_cost > self.log_cost_cap] = -np.inf
        return rank

    def terms(self, features: Array) -> dict[str, float]:
        """Return the terms of the rank of one point, features (1, w)."""
        (improvement,), (success,), (log_cost,) = self._parts(features)
        terms = {"log_improvement": improvement, "log_success": success, "log_cost": log_cost}
        kept = {"log_improvement": self.loss, "log_success": self.success, "log_cost": self.cost}
        found = {name: float(value) for name, value in terms.items() if kept[name] is not None}
        return found | ({"cost_weight": self.cost_weight} if self.cost is not None else {})

    def _parts(self, features: Array) -> tuple[Array, Array, Array]:
        """Return log improvement, log chance of success and log cost, (m,) each; 0 without a surrogate."""
        improvement, success, log_cost = (np.zeros(len(features)) for _ in range(3))
        if self.loss is not None:
            improvement = self._improvement(*self.loss.predict(features))[0]
        if self.success is not None:
            mean, std = self.success.predict(features)
            success = log_ndtr(mean / np.sqrt(std**2 + min(self.success.noise, MOST_DOUBT)))
        if self.cost is not None:
            log_cost = self.cost.mean(features)
        return improvement, success, log_cost

    def with_gradient(self, features: Array) -> tuple[Array, Array]:
        """Return the rank (m,) without the cap, and its gradient (m, w)."""
        rank, gradient = np.zeros(len(features)), np.zeros_like(features)
        if self.loss is not None:
            mean, std, d_mean, d_std = self.loss.predict_with_gradient(features)
            value, by_gap, by_std = self._improvement(mean, std)
            rank += value
            gradient += by_std[:, None] * d_std - by_gap[:, None] * d_mean
        if self.success is not None:
            mean, std, d_mean, d_std = self.success.predict_with_gradient(features)
            spread = np.sqrt(std**2 + min(self.success.noise, MOST_DOUBT))
            margin = mean / spread
            value = log_ndtr(margin)
            slope = np.exp(-0.5 * margin**2 - LOG_SQRT_2PI - value) / spread
            rank += value
            gradient += slope[:, None] * (d_mean - (margin * std / spread)[:, None] * d_std)
        if self.cost is not None and self.cost_weight:
            mean, d_mean = self.cost.mean_with_gradient(features)
            rank -= self.cost_weight * mean
            gradient -= self.cost_weight * d_mean
        return rank, gradient

    def _improvement(self, mean: Array, std: Array) -> tuple[Array, Array, Array]:
        if self.optimism is None:
            return log_expected_improvement(self.incumbent - mean, std)
        return log_optimistic_improvement(self.incumbent - mean, std, beta=self.optimism)
