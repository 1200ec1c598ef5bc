"""Fits the three surrogates to the observations, and decides when their hyperparameters are fitted again.

Hyperparameters are in the memory of a suggestion: {"fit": number of observations, "loss": theta, "cost": theta,
"success": theta}. The observations and this memory give the same surrogates in any process.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.suggester.protein.candidates import Cube
from services.suggester.protein.marginal_likelihood import NegativeLogPosterior, fit
from services.suggester.protein.observations import Observations, Standard
from services.suggester.protein.surrogate import Surrogate, log_prior

Array = NDArray[np.float64]

FEW: Final = 40  # with more observations than this, the other starts of a fit take turns
MANY: Final = 150  # with more observations than this, a fit starts only from the last one
SUBSET: Final = 400  # hyperparameters are fitted to at most this many observations
GROWTH: Final = 0.03  # with more than 200 observations, the share of new ones after which a fit is due
SHORT_START: Final = (math.log(0.2), 0.0, -9.0)  # length scale, output scale, noise


@dataclass(frozen=True)
class Data:
    """The data of one surrogate: features (n, w) and standardized targets (n,)."""

    features: Array
    targets: Array
    standard: Standard


@dataclass(frozen=True)
class Evidence:
    """The data of each surrogate; None if there is nothing to learn from.

    If a parameter is the length of a run, `cost` is the log of the cost of a unit of length.
    """

    loss: Data | None
    cost: Data | None
    success: Data | None

    @classmethod
    def of(cls, observations: Observations, cube: Cube, *, most: int) -> Evidence:
        units, losses, log_costs = observations.arrays(most=most)
        features, scored = cube.features(units), np.isfinite(losses)
        known = np.isfinite(log_costs)
        if (known & scored).any():  # a failed run ends early: its cost says little about a complete run
            known &= scored
        log_rates = log_costs - cube.log_length(features)[0]
        labels = np.where(scored, 1.0, -1.0)
        return cls(
            loss=_standardized(features[scored], losses[scored]) if scored.any() else None,
            cost=_standardized(features[known], log_rates[known]) if known.any() else None,
            success=Data(features, labels, Standard(0.0, 1.0)) if not scored.all() else None,
        )


def is_due(observed: int, memory: Mapping[str, Any]) -> bool:
    """Whether hyperparameters must be fitted again for `observed` runs."""
    last = int(memory.get("fit", 0))
    if not last or observed < last:
        return True
    return observed - last >= (1 if last < 200 else math.ceil(GROWTH * last))


def refit(evidence: Evidence, cube: Cube, memory: Mapping[str, Any], *, observed: int) -> dict[str, Any]:
    """Return the fitted part of the memory."""
    fitted: dict[str, Any] = {"fit": observed}
    for name in ("loss", "cost", "success"):
        data: Data | None = getattr(evidence, name)
        if data is not None:
            fitted[name] = _fit_one(data, cube, memory.get(name), thorough=name == "loss").tolist()
    return fitted


def surrogate(data: Data | None, cube: Cube, theta: Any, *, pending: Array | None = None) -> Surrogate | None:
    """Return the surrogate of `data` with hyperparameters `theta` (None: those of the prior)."""
    if data is None:
        return None
    values = np.array(theta, dtype=np.float64) if theta is not None else log_prior(cube.owners).mean
    return Surrogate(data.features, cube.owners, data.targets, values, pending=pending)


def _fit_one(data: Data, cube: Cube, last: Any, *, thorough: bool) -> Array:
    """Fit from the last hyperparameters and from other starts: a single warm start can stay at a bad optimum."""
    n, prior = len(data.targets), log_prior(cube.owners)
    short = np.full_like(prior.mean, SHORT_START[0])
    short[-2:] = SHORT_START[1:]
    warm = [] if last is None or len(last) != len(prior.mean) else [np.array(last, dtype=np.float64)]
    features, targets = data.features, data.targets
    if n > SUBSET:
        kept = np.linspace(0, n - 1, SUBSET).round().astype(int)
        features, targets = features[kept], targets[kept]
    objective = NegativeLogPosterior(features, cube.owners, targets, prior)
    if warm and n > MANY:
        return fit(objective, warm, iterations=15 if n <= 2 * MANY else 8)
    others = [prior.mean, short] if thorough else [prior.mean]
    if warm and (n > FEW or not thorough):
        others = others[n // 2 % len(others) :][:1] if n % 2 == 0 else []
    return fit(objective, [*warm, *others], iterations=40)


def _standardized(features: Array, values: Array) -> Data:
    standard = Standard.of(values)
    return Data(features, standard(values), standard)
