"""Predicts the cost of a run: its length, which is known, times a rate, which is learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.suggester.protein.candidates import Cube
from services.suggester.protein.observations import Standard
from services.suggester.protein.surrogate import Surrogate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LogCost:
    """Maps features (m, w) to log cost (m,), in the unit of the observed costs.

    The surrogate is fitted to log cost minus log length, standardized. So the prediction doubles for a run of double
    length even if no long run was observed; a surrogate of the cost itself would predict the mean of the short runs.
    """

    rate: Surrogate
    standard: Standard
    cube: Cube

    def mean(self, features: Array) -> Array:
        """Return the posterior mean (m,)."""
        length, _ = self.cube.log_length(features)
        return length + self.standard.shift + self.standard.spread * self.rate.mean(features)

    def std(self, features: Array) -> Array:
        """Return the posterior standard deviation (m,)."""
        return self.standard.spread * self.rate.predict(features)[1]

    def mean_with_gradient(self, features: Array) -> tuple[Array, Array]:
        """Return the posterior mean (m,) and its gradient (m, w) with respect to the features."""
        rate, d_rate = self.rate.mean_with_gradient(features)
        length, d_length = self.cube.log_length(features)
        return length + self.standard.shift + self.standard.spread * rate, d_length + self.standard.spread * d_rate
