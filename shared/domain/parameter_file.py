"""Read the `parameters:` of a sweep file, and refuse what cannot be searched."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from shared.domain.errors import ConfigError
from shared.domain.parameter import Condition, Parameter
from shared.domain.wording import finite_number, nearest, wrong_value

LOGIT_MARGIN: Final = 1e-6
LARGEST_INTEGER: Final = 2**53  # above it a float skips integers
NUMERIC: Final = ("uniform", "int_uniform", "uniform_pow2", "log_normal", "logit_normal")
DISTRIBUTIONS: Final = (*NUMERIC, "categorical")
_LEAF_KEYS: Final = dict.fromkeys(NUMERIC, ("distribution", "min", "max", "mean", "scale", "when")) | {
    "log_normal": ("distribution", "min", "max", "mean", "scale", "is_integer", "when"),
    "categorical": ("distribution", "values", "when"),
}


def read_parameters(parameters: Mapping[str, Any]) -> tuple[tuple[Parameter, ...], tuple[str, ...]]:
    """Return the parameters in a mapping, and notes on values that were changed.

    Conditions are returned as written: `shared.domain.conditions` interprets them. A leaf is a mapping with the key
    `distribution`. Raises ConfigError with the dotted path and the remedy.
    """
    notes: list[str] = []
    found = tuple(_read_leaf(path, leaf, notes) for path, leaf in _leaves(parameters))
    if not found:
        raise wrong_value("parameters", dict(parameters), "at least one parameter with a distribution", "add one")
    seen: set[str] = set()
    for parameter in found:
        if parameter.path in seen:
            raise ConfigError(
                "written twice, once with dots and once nested", path=parameter.path, remedy="keep one of them"
            )
        seen.add(parameter.path)
    return found, tuple(notes)


def _leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(node, Mapping):
        remedy = "write distribution, min, max (or values) below it"
        raise wrong_value(prefix or "parameters", node, "keys and values", remedy)
    for key, child in node.items():
        if not isinstance(key, str):
            raise wrong_value(prefix or "parameters", key, "keys that are texts", "put quotes around it")
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(child, Mapping) and "distribution" in child:
            yield path, child
        elif isinstance(child, Mapping) and child and not _looks_like_leaf(child):
            yield from _leaves(child, path)
        else:
            near = difflib.get_close_matches("distribution", map(str, child), n=1) if isinstance(child, Mapping) else []
            remedy = f"rename {near[0]} to distribution" if near else f"add distribution: {' or '.join(DISTRIBUTIONS)}"
            if isinstance(child, Mapping) and "values" in child:
                remedy = "add distribution: categorical"
            raise wrong_value(path, child, "keys and values, with the key distribution", remedy)


def _looks_like_leaf(node: Mapping[str, Any]) -> bool:
    """Whether the keys of a leaf have plain values; a group may have a parameter called scale."""
    return any(key in node and not isinstance(node[key], Mapping) for key in ("min", "max", "mean", "scale", "values"))


def _read_leaf(path: str, leaf: Mapping[str, Any], notes: list[str]) -> Parameter:
    name = leaf["distribution"]
    if name not in DISTRIBUTIONS:
        meant = nearest(str(name), DISTRIBUTIONS)
        raise wrong_value(f"{path}.distribution", name, "one of " + ", ".join(DISTRIBUTIONS), meant=meant)
    for key in leaf:
        if key not in _LEAF_KEYS[name]:
            raise ConfigError(
                f"unknown key of {name}",
                path=f"{path}.{key}",
                expected=f"one of {', '.join(_LEAF_KEYS[name])}",
                meant=nearest(str(key), _LEAF_KEYS[name]),
            )
    when = _read_when(f"{path}.when", leaf["when"]) if "when" in leaf else ()
    read = _read_categorical if name == "categorical" else _read_numeric
    return replace(read(path, leaf, notes), when=when)


def _read_when(path: str, when: object) -> tuple[Condition, ...]:
    if not isinstance(when, Mapping) or not when:
        raise wrong_value(path, when, "keys and values", "write for example when: {trainer.optimizer.type: adam}")
    read = []
    for key, wanted in when.items():
        values = wanted if isinstance(wanted, list | tuple) else [wanted]
        if not values or not all(isinstance(value, str | int | float) for value in values):
            raise wrong_value(
                f"{path}.{key}", wanted, "a value or a list of values", "write when: {dotted.path: value}"
            )
        read.append(Condition(str(key), tuple(values)))
    return tuple(read)


def _read_categorical(path: str, leaf: Mapping[str, Any], notes: list[str]) -> Parameter:
    values = leaf.get("values")
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise wrong_value(
            f"{path}.values", values, "a list with at least one value", "write for example values: [a, b]"
        )
    for index, value in enumerate(values):
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise wrong_value(f"{path}.values[{index}]", value, "a text, a finite number, true or false")
        if value in values[:index]:
            expected = "each value once (1, 1.0 and true are the same)"
            raise wrong_value(f"{path}.values[{index}]", value, expected, "remove it")
    if len(values) == 1:
        notes.append(f"{path}: one value, {values[0]!r}: a constant")
    return Parameter(path, "categorical", values=tuple(values))


def _read_numeric(path: str, leaf: Mapping[str, Any], notes: list[str]) -> Parameter:
    name: str = leaf["distribution"]
    for key in ("min", "max"):
        if leaf.get(key) is None:
            raise ConfigError("missing", path=f"{path}.{key}", remedy=f"add {key}: NUMBER; {name} needs min and max")
    low, high = finite_number(f"{path}.min", leaf["min"]), finite_number(f"{path}.max", leaf["max"])
    is_integer = _flag(f"{path}.is_integer", leaf.get("is_integer", False))
    _check_bounds(path, name, low, high, is_integer)
    log = name in ("log_normal", "uniform_pow2")
    middle = math.exp((math.log(low) + math.log(high)) / 2) if log else low / 2 + high / 2
    middle = min(max(middle, low), high)  # the exponential of a logarithm may miss the bound by a rounding error
    mean = middle if leaf.get("mean") is None else finite_number(f"{path}.mean", leaf["mean"])
    if not low <= mean <= high:
        raise wrong_value(f"{path}.mean", leaf["mean"], f"a number from {low:g} to {high:g}")
    scale = _scale(path, name, leaf.get("scale"), low, high)
    if name == "logit_normal":
        low, high = _clamp_logit(path, low, high, notes)
    if name == "uniform_pow2":
        low, high = _powers_inside(path, low, high, notes)
    return Parameter(path, name, low, high, min(max(mean, low), high), scale, is_integer)


def _check_bounds(path: str, name: str, low: float, high: float, is_integer: bool) -> None:
    if not low < high:
        remedy = "swap them" if low > high else "set a fixed value in the trainer's config instead"
        raise wrong_value(f"{path}.min", low, f"less than max, which is {high:g}", remedy)
    if not math.isfinite(high - low):
        raise wrong_value(f"{path}.max", high, "a range that a float can hold", "move min and max closer together")
    if name in ("log_normal", "uniform_pow2") and low <= 0:
        raise wrong_value(f"{path}.min", low, f"more than 0 for {name}", "raise min, or use uniform")
    if name == "logit_normal" and (low < 0 or high > 1):
        key, got = ("min", low) if low < 0 else ("max", high)
        raise wrong_value(
            f"{path}.{key}", got, "a number from 0 to 1 for logit_normal", "move it inside, or use uniform"
        )
    if name == "int_uniform" or is_integer:
        for key, bound in (("min", low), ("max", high)):
            if not bound.is_integer() or abs(bound) > LARGEST_INTEGER:
                raise wrong_value(f"{path}.{key}", bound, "a whole number up to 2**53", "round it, or use uniform")


def _scale(path: str, name: str, scale: object, low: float, high: float) -> float:
    if scale is None or scale == "auto":
        return 0.5
    if scale == "time":
        if name != "log_normal":
            raise wrong_value(f"{path}.scale", scale, "auto or a number", "use time with log_normal only")
        return 1 / (math.log2(high) - math.log2(low))
    if isinstance(scale, str):
        raise wrong_value(f"{path}.scale", scale, "auto, time or a number", meant=nearest(scale, ("auto", "time")))
    number = finite_number(f"{path}.scale", scale)
    if number <= 0:
        raise wrong_value(f"{path}.scale", scale, "more than 0", "write auto, or 0.5 for half of the range")
    return number


def _clamp_logit(path: str, low: float, high: float, notes: list[str]) -> tuple[float, float]:
    if low == 0.0:
        low = LOGIT_MARGIN
        notes.append(f"{path}.min: logit_normal cannot reach 0; {low:g} is used")
    if high == 1.0:
        high = 1 - LOGIT_MARGIN
        notes.append(f"{path}.max: logit_normal cannot reach 1; {high:.6f} is used")
    if low >= high:
        raise wrong_value(f"{path}.min", low, f"less than max, for which {high:.6f} is used", "widen the range")
    return low, high


def _powers_inside(path: str, low: float, high: float, notes: list[str]) -> tuple[float, float]:
    first = math.frexp(low)[1] - (math.frexp(low)[0] == 0.5)  # ceil(log2), exact
    last = math.frexp(high)[1] - 1  # floor(log2), exact
    if first > last:
        raise wrong_value(path, [low, high], "a range with a power of two in it", "widen it, or use int_uniform")
    if first == last:
        notes.append(f"{path}: one power of two in [{low:g}, {high:g}], {2.0**first:g}: a constant")
    return 2.0**first, 2.0**last


def _flag(path: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong_value(path, value, "true or false")
    return value
