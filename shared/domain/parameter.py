"""One parameter of a search space: its distribution, and the map between its values and the unit interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.domain.wording import finite_number, listed, show, wrong_value

Array = NDArray[np.float64]
Value = str | int | float | bool
Params = dict[str, Value]
Key = tuple[tuple[str, Value], ...]


def key_of(params: Params) -> Key:
    """Return a key that is different for each configuration of a space; it has paths, which depend on conditions."""
    return tuple(params.items())


@dataclass(frozen=True)
class Condition:
    """A parameter is active only if the one at `path` is active and has one of `values`."""

    path: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        (first, *others) = self.values
        return f"{self.path} is {f'one of {listed(self.values)}' if others else show(first)}"

    def holds(self, params: Mapping[str, Value]) -> bool:
        """Whether legal `params` have one of the values."""
        return self.path in params and params[self.path] in self.values


@dataclass(frozen=True)
class Parameter:
    """One parameter of a space.

    `min` and `max` are the bounds in its own units, `centre` the value where the search starts, `scale` the search
    radius as a half-width in the coordinate u in [-1, 1] that spans the bounds. `values` lists the categories.
    `when` are the conditions under which it is active: all must be true.
    """

    path: str
    distribution: str
    min: float = 0.0
    max: float = 0.0
    mean: float = 0.0
    scale: float = 0.5
    is_integer: bool = False
    values: tuple[Value, ...] = ()
    when: tuple[Condition, ...] = ()

    @property
    def is_categorical(self) -> bool:
        return self.distribution == "categorical"

    @property
    def is_constant(self) -> bool:
        return self.cells == 1

    @property
    def cells(self) -> int:
        """The number of its values; 0 for a continuous one and for integers on a log scale."""
        if self.is_categorical:
            return len(self.values)
        if self.distribution in ("int_uniform", "uniform_pow2"):
            return round(self._warp(self.max) - self._warp(self.min)) + 1
        return 0

    @property
    def centre(self) -> Value:
        """The search centre, a legal value; the first of the categories."""
        if self.cells or self.is_integer:
            return self.decode(self.encode_mean())
        return self.mean

    def is_active(self, params: Mapping[str, Value]) -> bool:
        """Whether all its conditions are true for legal `params`."""
        return not self.when or all(condition.holds(params) for condition in self.when)

    def encode_mean(self) -> float:
        """Return the search centre in [0, 1]; `mean` may lie between two discrete values."""
        return self._to_unit(self.mean) if not self.is_categorical else 0.5 / len(self.values)

    def encode(self, value: Value) -> float:
        """Return the legal `value` as a number in [0, 1]."""
        if self.is_categorical:
            return (self.values.index(value) + 0.5) / len(self.values)
        return self._to_unit(float(value))

    def decode(self, unit: float) -> Value:
        """Return the value whose cell contains `unit`, or the value at `unit`; never outside the bounds."""
        cells = self.cells
        if cells:
            cell = min(max(math.floor(unit * cells), 0), cells - 1)
            return self.values[cell] if self.is_categorical else self._from_grid(cell)
        if self.is_integer:
            low, high = self._ends()
            return int(min(max(math.floor(10 ** (low + unit * (high - low)) + 0.5), self.min), self.max))
        if unit <= 0.0 or unit >= 1.0:  # exact: a power may miss the bound by a rounding error
            return self.min if unit <= 0.0 else self.max
        low, high = self._ends()
        return min(max(self._unwarp(low + unit * (high - low)), self.min), self.max)

    def nearest(self, number: float) -> int | float:
        """Return the legal value nearest to `number` on the scale of this parameter, which is not categorical."""
        inside = min(max(number, self.min), self.max)
        value = self.decode(self._to_unit(inside)) if self.cells or self.is_integer else inside
        return value if isinstance(value, int | float) else inside

    def snap(self, units: Array) -> Array:
        """Move units (n,) into [0, 1], and those of a discrete parameter to the middle of their cell."""
        cells = self.cells
        if cells:
            return (np.clip(np.floor(units * cells), 0, cells - 1) + 0.5) / cells
        if self.is_integer:
            low, high = self._ends()
            whole = np.clip(np.floor(10 ** (low + units * (high - low)) + 0.5), self.min, self.max)
            return np.asarray((np.log10(whole) - low) / (high - low))
        return np.clip(units, 0.0, 1.0)

    def check(self, value: object) -> Value:
        """Return `value` in this parameter's type; raise ConfigError if it is not one of its values."""
        if self.is_categorical:
            for legal in self.values:
                if legal == value and isinstance(legal, bool) == isinstance(value, bool | np.bool_):
                    return legal
            raise wrong_value(self.path, value, f"one of {listed(self.values)}")
        number = finite_number(self.path, value.item() if isinstance(value, np.generic) else value)
        if not self.min <= number <= self.max:
            raise wrong_value(self.path, value, f"a number from {self.min:g} to {self.max:g}")
        whole = self.decode(self._to_unit(number)) if self.cells or self.is_integer else number
        if whole != number:
            kind = "a power of two" if self.distribution == "uniform_pow2" else "a whole number"
            raise wrong_value(self.path, value, kind, f"use for example {whole}")
        return whole

    def _ends(self) -> tuple[float, float]:
        """Positions of unit 0 and unit 1 on the scale of a parameter without cells."""
        room = 0.5 if self.is_integer else 0.0
        return self._warp(self.min - room), self._warp(self.max + room)

    def _to_unit(self, value: float) -> float:
        if self.cells:
            return (self._warp(value) - self._warp(self.min) + 0.5) / self.cells
        low, high = self._ends()
        return (self._warp(value) - low) / (high - low)

    def _warp(self, value: float) -> float:
        if self.distribution == "log_normal":
            return math.log10(value)
        if self.distribution == "uniform_pow2":
            mantissa, exponent = math.frexp(value)
            return exponent - 1 if mantissa == 0.5 else math.log2(value)
        if self.distribution == "logit_normal":
            return -math.log1p(-value)
        return value

    def _unwarp(self, warped: float) -> float:
        if self.distribution == "log_normal":
            return float(10**warped)
        if self.distribution == "logit_normal":
            return -math.expm1(-warped)
        return warped

    def _from_grid(self, cell: int) -> Value:
        if self.distribution == "int_uniform":
            return int(self.min) + cell
        exponent = round(self._warp(self.min)) + cell
        return 2**exponent if self.min >= 1 else 2.0**exponent
