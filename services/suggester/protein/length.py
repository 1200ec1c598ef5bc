"""The parameter that stretches a run, on the scale on which lengths compare: the logarithm.

From 1 epoch to 4 a score changes as much as from 13 to 52, whatever the scale that the parameter is searched on. On a
linear one a surrogate sees the bend at the short end, takes short length scales for it, and knows nothing between two
lengths further up.
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
    """Places between the shortest run and the longest, from 0 to 1 on the logarithm.

    `index` and `column` say where the parameter stands in units and in features. On a linear scale a unit u is the
    length `start` + `step` x u; a `step` of 0 stands for a logarithmic scale, whose units are places already.
    `shortest` is the log of the length at place 0, `span` what is added to it up to place 1: 0 where the scale, a logit
    or one that begins with 0, is not that of a length. Then nothing is known of how it stretches a run, but its places.
    """

    index: int
    column: int
    start: float
    step: float
    shortest: float
    span: float

    @classmethod
    def of(cls, parameter: Parameter, *, index: int, column: int) -> Self | None:
        """Return the length that `parameter` gives a run, None if it has no more and less."""
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
