"""The search space of a sweep: what may be varied, where the search starts, and its map to the unit cube.

Three ways to write one configuration:

    params    dict {dotted path: plain Python value}, what a run is started with
    unit      (d,) floats in [0, 1], one per parameter; a uniform draw here is a uniform draw of the parameter
    features  (w,) floats in [0, 1], what a surrogate sees: categories one-hot, constants left out

A parameter with k discrete values cuts its unit interval into k equal cells and encodes a value as the middle of
its cell. So the first and the last integer have as much room as any other.
"""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import ConfigError

Array = NDArray[np.float64]
Value = str | int | float | bool
Params = dict[str, Value]

LOGIT_MARGIN: Final = 1e-6
LARGEST_INTEGER: Final = 2**53  # above it a float skips integers
NUMERIC: Final = ("uniform", "int_uniform", "uniform_pow2", "log_normal", "logit_normal")
DISTRIBUTIONS: Final = (*NUMERIC, "categorical")
_LEAF_KEYS: Final = dict.fromkeys(NUMERIC, ("distribution", "min", "max", "mean", "scale")) | {
    "log_normal": ("distribution", "min", "max", "mean", "scale", "is_integer"),
    "categorical": ("distribution", "values"),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a space.

    `min` and `max` are the bounds in its own units, `centre` the value where the search starts, `scale` the search
    radius as a half-width in the coordinate u in [-1, 1] that spans the bounds. `values` lists the categories.
    """

    path: str
    distribution: str
    min: float = 0.0
    max: float = 0.0
    mean: float = 0.0
    scale: float = 0.5
    is_integer: bool = False
    values: tuple[Value, ...] = ()

    @property
    def is_categorical(self) -> bool:
        return self.distribution == "categorical"

    @property
    def is_constant(self) -> bool:
        return self.cells == 1

    @property
    def cells(self) -> int:
        """How many values it can take, 0 for a continuous one and for integers on a log scale."""
        if self.is_categorical:
            return len(self.values)
        if self.distribution in ("int_uniform", "uniform_pow2"):
            return round(self._warp(self.max) - self._warp(self.min)) + 1
        return 0

    @property
    def centre(self) -> Value:
        """The search centre, a legal value; of categories the first."""
        if self.cells or self.is_integer:
            return self.decode(self.encode_mean())
        return self.mean

    def encode_mean(self) -> float:
        """Return the search centre in [0, 1]; `mean` may lie between two discrete values."""
        return self._to_unit(self.mean) if not self.is_categorical else 0.5 / len(self.values)

    def encode(self, value: Value) -> float:
        """Return the legal `value` as a number in [0, 1]."""
        if self.is_categorical:
            return (self.values.index(value) + 0.5) / len(self.values)
        return self._to_unit(float(value))

    def decode(self, unit: float) -> Value:
        """Return the value whose cell holds `unit`, or the value at it; never outside the bounds."""
        cells = self.cells
        if cells:
            cell = min(max(math.floor(unit * cells), 0), cells - 1)
            return self.values[cell] if self.is_categorical else self._from_grid(cell)
        if self.is_integer:
            low, high = self._ends()
            return int(min(max(math.floor(10 ** (low + unit * (high - low)) + 0.5), self.min), self.max))
        if unit <= 0.0 or unit >= 1.0:  # exact, where a power would miss the bound by a rounding
            return self.min if unit <= 0.0 else self.max
        low, high = self._ends()
        return min(max(self._unwarp(low + unit * (high - low)), self.min), self.max)

    def snap(self, units: Array) -> Array:
        """Move units (n,) to where their values lie: discrete ones to the middle of a cell, all into [0, 1]."""
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
            raise _refuse(self.path, value, f"one of {_show(list(self.values))}", "choose one of them")
        number = _number(self.path, value)
        if not self.min <= number <= self.max:
            raise _refuse(self.path, value, f"a number from {self.min:g} to {self.max:g}", "move it inside the bounds")
        whole = self.decode(self._to_unit(number)) if self.cells or self.is_integer else number
        if whole != number:
            kind = "a power of two" if self.distribution == "uniform_pow2" else "a whole number"
            raise _refuse(self.path, value, kind, f"the nearest is {whole}")
        return whole

    def _ends(self) -> tuple[float, float]:
        """Warped positions of unit 0 and unit 1 of a parameter without cells."""
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


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of a sweep in the order of its file. `notes` tells what was read differently than written."""

    parameters: tuple[Parameter, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, parameters: Mapping[str, Any]) -> SearchSpace:
        """Read the mapping below `parameters:` of a sweep; a leaf is a mapping with the key `distribution`.

        Raises ConfigError for anything that cannot be used; the message names the dotted path and the remedy.
        """
        notes: list[str] = []
        found = tuple(_read_leaf(path, leaf, notes) for path, leaf in _leaves(parameters))
        if not found:
            raise _refuse("parameters", dict(parameters), "at least one leaf with a distribution", "add a parameter")
        seen: set[str] = set()
        for parameter in found:
            if parameter.path in seen:
                raise ConfigError(f"{parameter.path}: written twice, once with dots and once nested; keep one of them")
            seen.add(parameter.path)
        return cls(found, tuple(notes))

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(parameter.path for parameter in self.parameters)

    @property
    def is_finite(self) -> bool:
        """Whether there are only so many configurations."""
        return self.size < math.inf

    @property
    def size(self) -> float:
        """The number of different configurations, inf if any parameter is continuous."""
        counts = (p.cells or (p.max - p.min + 1 if p.is_integer else math.inf) for p in self.parameters)
        return math.prod(float(count) for count in counts)

    @property
    def feature_parameters(self) -> tuple[int, ...]:
        """(w,) For each feature column the index of its parameter among those that vary."""
        owners: list[int] = []
        for index, parameter in enumerate(p for p in self.parameters if not p.is_constant):
            owners += [index] * (len(parameter.values) or 1)
        return tuple(owners)

    def centre(self) -> Params:
        """Return the search centre: `mean` of each parameter, the first of its categories."""
        return {p.path: p.centre for p in self.parameters}

    def sample(self, rng: np.random.Generator, *, scale: float = 1.0) -> Params:
        """Draw around the centre: clip(centre + scale x search radius x U(-1, 1)) in u; categories uniformly."""
        draws = rng.uniform(-1.0, 1.0, len(self))
        units = [
            (draw + 1) / 2 if p.is_categorical else p.encode_mean() + 0.5 * scale * p.scale * draw
            for p, draw in zip(self.parameters, draws, strict=True)
        ]
        return self.decode(np.clip(units, 0.0, 1.0))

    def sample_uniform(self, rng: np.random.Generator) -> Params:
        """Draw from the whole box, each parameter on its own scale."""
        return self.decode(rng.random(len(self)))

    def validate(self, params: Mapping[str, object]) -> Params:
        """Return `params` in this space's order and types.

        Raises ConfigError for an unknown path, a missing one, and a value of the wrong type or outside the bounds.
        """
        for path in params:
            if path not in self.paths:
                raise ConfigError(f"{path}: not a parameter of this space{_did_you_mean(path, self.paths)}")
        for path in self.paths:
            if path not in params:
                raise ConfigError(f"{path}: missing; give a value for each of the {len(self)} parameters")
        return {p.path: p.check(params[p.path]) for p in self.parameters}

    def encode(self, params: Mapping[str, Value]) -> Array:
        """Return legal `params` as units (d,)."""
        return np.array([p.encode(params[p.path]) for p in self.parameters])

    def decode(self, units: Sequence[float] | Array) -> Params:
        """Return the params at units (d,); values outside [0, 1] are moved to the bound."""
        return {p.path: p.decode(float(unit)) for p, unit in zip(self.parameters, units, strict=True)}

    def snap(self, units: Array) -> Array:
        """Move units (n, d) to the legal values nearest to them, so that encode(decode(x)) is x again."""
        return np.column_stack([p.snap(units[:, j]) for j, p in enumerate(self.parameters)])

    def features(self, units: Array) -> Array:
        """Turn units (n, d) into features (n, w): categories one-hot, constants left out."""
        columns: list[Array] = []
        for j, parameter in enumerate(self.parameters):
            if parameter.is_constant:
                continue
            if parameter.is_categorical:
                cell = np.clip(np.floor(units[:, j] * parameter.cells), 0, parameter.cells - 1)
                columns += [(cell == k).astype(np.float64) for k in range(parameter.cells)]
            else:
                columns.append(units[:, j])
        return np.column_stack(columns) if columns else np.empty((len(units), 0))


def _leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(node, Mapping):
        raise _refuse(prefix or "parameters", node, "a mapping", "write distribution, min, max (or values) below it")
    for key, child in node.items():
        if not isinstance(key, str):
            raise _refuse(prefix or "parameters", key, "a name as key", "put quotes around it")
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(child, Mapping) and "distribution" in child:
            yield path, child
        elif isinstance(child, Mapping) and child and not _looks_like_leaf(child):
            yield from _leaves(child, path)
        else:
            near = difflib.get_close_matches("distribution", map(str, child), n=1) if isinstance(child, Mapping) else []
            remedy = f"rename {near[0]} to distribution" if near else "add one of " + ", ".join(DISTRIBUTIONS)
            raise _refuse(path, child, "a mapping with the key distribution", remedy)


def _looks_like_leaf(node: Mapping[str, Any]) -> bool:
    """Whether keys of a leaf hold plain values; a group may well have a parameter called scale."""
    return any(key in node and not isinstance(node[key], Mapping) for key in ("min", "max", "mean", "scale", "values"))


def _read_leaf(path: str, leaf: Mapping[str, Any], notes: list[str]) -> Parameter:
    name = leaf["distribution"]
    if name not in DISTRIBUTIONS:
        remedy = f"choose one of them{_did_you_mean(str(name), DISTRIBUTIONS)}"
        raise _refuse(f"{path}.distribution", name, "one of " + ", ".join(DISTRIBUTIONS), remedy)
    for key in leaf:
        if key not in _LEAF_KEYS[name]:
            remedy = f"remove it{_did_you_mean(str(key), _LEAF_KEYS[name])}"
            raise _refuse(f"{path}.{key}", leaf[key], f"for {name} only {', '.join(_LEAF_KEYS[name])}", remedy)
    return _read_categorical(path, leaf, notes) if name == "categorical" else _read_numeric(path, leaf, notes)


def _read_categorical(path: str, leaf: Mapping[str, Any], notes: list[str]) -> Parameter:
    values = leaf.get("values")
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise _refuse(f"{path}.values", values, "a list with at least one value", "write values: [a, b]")
    for index, value in enumerate(values):
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise _refuse(f"{path}.values[{index}]", value, "text, a finite number, true or false", "replace it")
        if value in values[:index]:
            raise _refuse(f"{path}.values[{index}]", value, "each value once (1, 1.0 and true are one)", "remove it")
    if len(values) == 1:
        notes.append(f"{path}: one value, {values[0]!r}: a constant")
    return Parameter(path, "categorical", values=tuple(values))


def _read_numeric(path: str, leaf: Mapping[str, Any], notes: list[str]) -> Parameter:
    name: str = leaf["distribution"]
    for key in ("min", "max"):
        if leaf.get(key) is None:
            raise ConfigError(f"{path}.{key}: missing; {name} needs min and max, add {key}: NUMBER")
    low, high = _number(f"{path}.min", leaf["min"]), _number(f"{path}.max", leaf["max"])
    is_integer = _flag(f"{path}.is_integer", leaf.get("is_integer", False))
    _check_bounds(path, name, low, high, is_integer)
    log = name in ("log_normal", "uniform_pow2")
    middle = math.exp((math.log(low) + math.log(high)) / 2) if log else low / 2 + high / 2
    middle = min(max(middle, low), high)  # the exponential of a logarithm can miss the bound by a rounding
    mean = middle if leaf.get("mean") is None else _number(f"{path}.mean", leaf["mean"])
    if not low <= mean <= high:
        raise _refuse(f"{path}.mean", leaf["mean"], f"a number from {low:g} to {high:g}", "move it inside the bounds")
    scale = _scale(path, name, leaf.get("scale"), low, high)
    if name == "logit_normal":
        low, high = _clamp_logit(path, low, high, notes)
    if name == "uniform_pow2":
        low, high = _powers_inside(path, low, high, notes)
    return Parameter(path, name, low, high, min(max(mean, low), high), scale, is_integer)


def _check_bounds(path: str, name: str, low: float, high: float, is_integer: bool) -> None:
    if not low < high:
        remedy = "swap them" if low > high else "to hold it fixed, set it in the trainer's config instead"
        raise _refuse(f"{path}.min", low, f"less than max, which is {high:g}", remedy)
    if not math.isfinite(high - low):
        raise _refuse(f"{path}.max", high, "a range that a float can hold", "bring min and max nearer to each other")
    if name in ("log_normal", "uniform_pow2") and low <= 0:
        raise _refuse(f"{path}.min", low, f"more than 0 for {name}", "raise min, or use uniform")
    if name == "logit_normal" and (low < 0 or high > 1):
        key, got = ("min", low) if low < 0 else ("max", high)
        raise _refuse(f"{path}.{key}", got, "a number from 0 to 1 for logit_normal", "move it inside, or use uniform")
    if name == "int_uniform" or is_integer:
        for key, bound in (("min", low), ("max", high)):
            if not bound.is_integer() or abs(bound) > LARGEST_INTEGER:
                raise _refuse(f"{path}.{key}", bound, "a whole number up to 2**53", "round it, or use uniform")


def _scale(path: str, name: str, scale: object, low: float, high: float) -> float:
    if scale is None or scale == "auto":
        return 0.5
    if scale == "time":
        if name != "log_normal":
            raise _refuse(f"{path}.scale", scale, "time only with log_normal", "write auto or a number")
        return 1 / (math.log2(high) - math.log2(low))
    if isinstance(scale, str):
        remedy = f"write a number above 0{_did_you_mean(scale, ('auto', 'time'))}"
        raise _refuse(f"{path}.scale", scale, "a number, auto or time", remedy)
    number = _number(f"{path}.scale", scale)
    if number <= 0:
        raise _refuse(f"{path}.scale", scale, "more than 0", "write auto, or 0.5 for half of the range")
    return number


def _clamp_logit(path: str, low: float, high: float, notes: list[str]) -> tuple[float, float]:
    if low == 0.0:
        low = LOGIT_MARGIN
        notes.append(f"{path}.min: 0 is out of reach for logit_normal, {low:g} is used")
    if high == 1.0:
        high = 1 - LOGIT_MARGIN
        notes.append(f"{path}.max: 1 is out of reach for logit_normal, {high:.6f} is used")
    if low >= high:
        raise _refuse(f"{path}.min", low, f"less than max, which is taken as {high:.6f}", "widen the range")
    return low, high


def _powers_inside(path: str, low: float, high: float, notes: list[str]) -> tuple[float, float]:
    first = math.frexp(low)[1] - (math.frexp(low)[0] == 0.5)  # ceil(log2), exact
    last = math.frexp(high)[1] - 1  # floor(log2), exact
    if first > last:
        raise _refuse(path, [low, high], "a range with a power of two in it", "widen it, or use int_uniform")
    if first == last:
        notes.append(f"{path}: one power of two in [{low:g}, {high:g}], {2.0**first:g}: a constant")
    return 2.0**first, 2.0**last


def _number(path: str, value: object) -> float:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        remedy = "write it without quotes" if isinstance(value, str) and _reads_as_number(value) else "write a number"
        raise _refuse(path, value, "a number", remedy)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _refuse(path, value, "a finite number", "write a bound that a float can hold")
    return number


def _flag(path: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse(path, value, "true or false", "write one of them")
    return value


def _reads_as_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _refuse(where: str, got: object, expected: str, remedy: str) -> ConfigError:
    return ConfigError(f"{where} is {_show(got)}: expected {expected}; {remedy}")


def _show(value: object) -> str:
    shown = f"{value:g}" if isinstance(value, float) else reprlib.repr(value)
    return shown.replace("\n", " ")


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, [str(name) for name in known], n=1)
    return f" (did you mean {near[0]}?)" if near else ""
