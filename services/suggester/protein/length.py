"""The parameter that is the length of a run, on a logarithmic scale.

From 1 epoch to 4 a score changes as much as from 13 to 52, on whatever scale the parameter is searched. On a linear
scale a surrogate fits short length scales to the bend at the short end, and then predicts badly between two long runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shared.domain.parameter import Parameter

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Length:
    """Places from 0, the shortest run, to 1, the longest, on a logarithmic scale.

    `index` and `column` are the positions of the parameter in units and in features. On a linear scale a unit u is the
    length `start` + `step` x u; with a `step` of 0 the scale is logarithmic, and units are places already. `shortest`
    is the log of the length at place 0, `span` the difference to place 1. For a scale that is not one of lengths, a
    logit or a range from 0, `span` is 0: only the places are known.
    """

    index: int
    column: int
    start: float
    step: float
    shortest: float
    span: float

    @classmethod
    def of(cls, parameter: Parameter, *, index: int, column: int) -> Self | None:
        """Return the length that `parameter` is; None if its values have no order."""
        low, high, cells = parameter.min, parameter.max, parameter.cells
        if parameter.is_categorical or parameter.is_constant:
            return None
        if low > 0 and parameter.distribution in ("log_normal", "uniform_pow2"):
            return cls(index, column, 0.0, 0.0, 0.0, cells * math.log(2) if cells else math.log(high / low))
        if low > 0 and parameter.distribution in ("uniform", "int_uniform"):
            start, step = (low - 0.5, float(cells)) if cells else (low, high - low)
            return cls(index, column, start, step, math.log(low), math.log(high / low))
        return cls(index, column, 0.0, 0.0, 0.0, 0.0)

    def places(self, units: Array) -> Array:
        """Return the places (n,) of units (n,)."""
        if not self.step:
            return units
        return np.asarray((np.log(self.start + self.step * units) - self.shortest) / self.span)

    def units(self, places: Array) -> Array:
        """Return the units (n,) at places (n,)."""
        if not self.step:
            return places
        return np.asarray((np.exp(self.shortest + self.span * places) - self.start) / self.step)
