"""The parameters of a W&B sweep as ours: one distribution for each of W&B's, with a note where they differ.

What W&B's distributions mean: https://docs.wandb.ai/models/sweeps/sweep-config-keys, and the code that draws from them,
https://github.com/wandb/sweeps, src/sweeps/params.py and src/sweeps/config/schema.json.

    uniform, int_uniform      from min to max
    log_uniform               e**min to e**max, evenly on the logarithm; log_uniform_values: min to max
    inv_log_uniform           log(1/x) even from min to max, so x from e**-max to e**-min, evenly on the logarithm;
                              inv_log_uniform_values: min to max
    normal, log_normal        mu, sigma of the value or of its natural logarithm; without bounds
    q_...                     round(x / q) * q of such an x; q is 1 by default
    beta, q_beta              no counterpart
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.domain.errors import ConfigError
from shared.domain.wording import finite_number, nearest, show, wrong_value

SIGMAS: Final = 3  # of a normal distribution on either side: 99.7 % of it
_SCIENTIFIC: Final = re.compile(r"[-+]?[0-9.]*[0-9][0-9.]*[eE][-+]?[0-9]{1,2}")
Leaf = dict[str, Any]


@dataclass(frozen=True)
class Converted:
    """One parameter: its dotted name, its leaf in our form, its constraints, and notes on what is different."""

    name: str
    leaf: Leaf
    constraints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def convert_parameters(parameters: Any, prefix: str = "") -> Iterator[Converted]:
    """Yield the parameters of a W&B sweep, those of nested `parameters` by dotted names.

    Raises ConfigError for one that has no counterpart; its path is the dotted name.
    """
    if not isinstance(parameters, Mapping) or not parameters:
        raise wrong_value(f"{prefix}parameters", parameters, "parameters with their distributions", "add one")
    for key, spec in parameters.items():
        name = f"{prefix}{key}"
        if not isinstance(spec, Mapping):
            raise wrong_value(name, spec, "value, values, or min and max below it", f"write {name}: {{value: ...}}")
        if "parameters" in spec:
            yield from convert_parameters(spec["parameters"], f"{name}.")
        else:
            yield _converted(name, spec)


def _converted(name: str, spec: Mapping[str, Any]) -> Converted:
    distribution = spec.get("distribution") or _implied(name, spec)
    if distribution in ("beta", "q_beta"):
        remedy = "write uniform with min: 0 and max: 1"
        raise wrong_value(f"{name}.distribution", distribution, "a distribution with a counterpart here", remedy)
    if distribution not in _CONVERSIONS:
        meant = nearest(str(distribution), _CONVERSIONS)
        remedy = "see W&B's documentation"
        raise wrong_value(f"{name}.distribution", distribution, "a distribution of W&B", remedy, meant=meant)
    return _CONVERSIONS[distribution](name, spec)


def _implied(name: str, spec: Mapping[str, Any]) -> str:
    """Return the distribution that W&B uses where none is written."""
    if "value" in spec:
        return "constant"
    if "values" in spec:
        return "categorical"
    if "min" in spec and "max" in spec:
        return "int_uniform" if all(_is_whole(spec[key]) for key in ("min", "max")) else "uniform"
    raise wrong_value(name, dict(spec), "value, values, or min and max", "add one of them")


def _constant(name: str, spec: Mapping[str, Any]) -> Converted:
    if "value" not in spec:
        raise ConfigError("missing", path=f"{name}.value", remedy="add value: ...")
    return _listed(name, [spec["value"]])


def _categorical(name: str, spec: Mapping[str, Any]) -> Converted:
    values = spec.get("values")
    if not isinstance(values, list) or not values:
        raise wrong_value(
            f"{name}.values", values, "a list with at least one value", "write for example values: [a, b]"
        )
    return _listed(name, values, weighted="probabilities" in spec)


def _listed(name: str, values: list[Any], *, weighted: bool = False) -> Converted:
    notes = []
    if weighted:
        notes.append(f"{name}: probabilities have no counterpart here: at the start no value is preferred")
    plain: list[Any] = []
    for value in map(_number_or_itself, values):
        if not isinstance(value, str | int | float):
            notes.append(f"{name}: {show(value)} becomes the text {str(value)!r}, as W&B writes it into an argument")
            value = str(value)
        if value in plain:
            notes.append(f"{name}: {show(value)} is written twice or equals another value: it is one value here")
        else:
            plain.append(value)
    if any(isinstance(value, bool) for value in plain):
        notes.append(f"{name}: arguments are true or false here, and True or False in W&B")
    return Converted(name, {"distribution": "categorical", "values": plain}, notes=tuple(notes))


def _int_uniform(name: str, spec: Mapping[str, Any]) -> Converted:
    low, high = _bounds(name, spec)
    for key, bound in (("min", low), ("max", high)):
        if not float(bound).is_integer():
            raise wrong_value(f"{name}.{key}", bound, "a whole number for int_uniform", "round it, or use uniform")
    return Converted(name, _box("int_uniform", low, high))


def _uniform(name: str, spec: Mapping[str, Any]) -> Converted:
    low, high = _bounds(name, spec)
    return Converted(name, _box("uniform", low, high))


def _log_uniform_values(name: str, spec: Mapping[str, Any]) -> Converted:
    low, high = _bounds(name, spec)
    return Converted(name, _log_box(name, low, high))


def _log_uniform(name: str, spec: Mapping[str, Any]) -> Converted:
    low, high = _bounds(name, spec)
    leaf = _log_box(name, _exp(name, low), _exp(name, high))
    return Converted(name, leaf, notes=(_exponents(name, leaf),))


def _inv_log_uniform(name: str, spec: Mapping[str, Any]) -> Converted:
    low, high = _bounds(name, spec)
    leaf = _log_box(name, _exp(name, -high), _exp(name, -low))
    return Converted(name, leaf, notes=(_exponents(name, leaf),))


def _normal(name: str, spec: Mapping[str, Any]) -> Converted:
    mu, sigma = _mu_sigma(name, spec)
    if sigma == 0:
        return _listed(name, [mu])
    leaf = _box("uniform", _rounded(mu - SIGMAS * sigma), _rounded(mu + SIGMAS * sigma))
    return Converted(name, leaf, notes=(_unbounded(name, "normal", leaf),))


def _log_normal(name: str, spec: Mapping[str, Any]) -> Converted:
    mu, sigma = _mu_sigma(name, spec)
    if sigma == 0:
        return _listed(name, [_exp(name, mu)])
    leaf = _log_box(name, _exp(name, mu - SIGMAS * sigma), _exp(name, mu + SIGMAS * sigma))
    return Converted(name, leaf, notes=(_unbounded(name, "log_normal", leaf),))


def _quantized(convert: Callable[[str, Mapping[str, Any]], Converted]) -> Callable[[str, Mapping[str, Any]], Converted]:
    """Return the conversion of `q_X`, given that of X: a whole q becomes whole numbers and a constraint."""

    def converted(name: str, spec: Mapping[str, Any]) -> Converted:
        q = _number(f"{name}.q", spec.get("q", 1))
        if q <= 0:
            raise wrong_value(f"{name}.q", spec["q"], "more than 0", "write the step between two values")
        free = convert(name, spec)
        if free.leaf["distribution"] == "categorical":  # a normal one without a width
            return free
        if not q.is_integer():
            return replace(
                free, notes=(*free.notes, f"{name}: steps of {q:g} are not kept: any number can be suggested")
            )
        return _stepped(free, int(q))

    return converted


def _stepped(free: Converted, q: int) -> Converted:
    """Return a box of whole numbers around the multiples of `q` that W&B can draw."""
    is_log = free.leaf["distribution"] == "log_normal"
    low, high = (round(free.leaf[key] / q) * q for key in ("min", "max"))
    notes = list(free.notes)
    if is_log and low <= 0:
        low = q
        notes.append(f"{free.name}: W&B may draw 0, which has no logarithm: the smallest value here is {q}")
    if low >= high:
        return Converted(free.name, {"distribution": "categorical", "values": [max(low, high)]}, notes=tuple(notes))
    leaf: Leaf = {"distribution": "log_normal" if is_log else "int_uniform", "min": low, "max": high}
    if q > 1:
        middle = math.sqrt(low * high) if is_log else (low + high) / 2
        leaf["mean"] = min(max(round(middle / q) * q, low), high)
    if is_log:
        leaf["is_integer"] = True
    constraints = (f"trainer.{free.name} % {q} == 0",) if q > 1 else ()
    if constraints and "-" in free.name:  # a minus there
        constraints = ()
        notes.append(f"{free.name}: steps of {q} are not kept: a constraint cannot name a key with a dash; rename it")
    return Converted(free.name, leaf, constraints, tuple(notes))


_CONVERSIONS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Converted]]] = {
    "constant": _constant,
    "categorical": _categorical,
    "categorical_w_probabilities": _categorical,
    "int_uniform": _int_uniform,
    "uniform": _uniform,
    "log_uniform": _log_uniform,
    "log_uniform_values": _log_uniform_values,
    "inv_log_uniform": _inv_log_uniform,
    "inv_log_uniform_values": _log_uniform_values,
    "normal": _normal,
    "log_normal": _log_normal,
    "q_uniform": _quantized(_uniform),
    "q_log_uniform": _quantized(_log_uniform),
    "q_log_uniform_values": _quantized(_log_uniform_values),
    "q_normal": _quantized(_normal),
    "q_log_normal": _quantized(_log_normal),
}


def _box(distribution: str, low: float, high: float) -> Leaf:
    return {"distribution": distribution, "min": low, "max": high}


def _log_box(name: str, low: float, high: float) -> Leaf:
    if low <= 0:
        raise wrong_value(f"{name}.min", low, "more than 0 for a logarithm", "raise min, or use uniform")
    return _box("log_normal", low, high)


def _bounds(name: str, spec: Mapping[str, Any]) -> tuple[float, float]:
    """Return min and max, whole numbers as they are."""
    for key in ("min", "max"):
        if spec.get(key) is None:
            raise ConfigError("missing", path=f"{name}.{key}", remedy=f"add {key}: NUMBER")
    low, high = (_number_or_itself(spec[key]) for key in ("min", "max"))
    if not _number(f"{name}.min", low) < _number(f"{name}.max", high):
        raise wrong_value(f"{name}.min", low, f"less than max, which is {show(high)}", "swap them, or write value: ...")
    return low, high


def _mu_sigma(name: str, spec: Mapping[str, Any]) -> tuple[float, float]:
    mu, sigma = _number(f"{name}.mu", spec.get("mu", 0)), _number(f"{name}.sigma", spec.get("sigma", 1))
    if sigma < 0:
        raise wrong_value(f"{name}.sigma", sigma, "0 or more", "write a standard deviation")
    return mu, sigma


def _exponents(name: str, leaf: Leaf) -> str:
    return f"{name}: the bounds are exponents in W&B; here they are values, {leaf['min']:g} to {leaf['max']:g}"


def _unbounded(name: str, distribution: str, leaf: Leaf) -> str:
    return (
        f"{name}: {distribution} has no bounds in W&B; here the bounds are 3 sigma to either side, "
        f"{leaf['min']:g} to {leaf['max']:g}, and at the start no value between them is preferred"
    )


def _exp(name: str, exponent: float) -> float:
    try:
        return _rounded(math.exp(exponent))
    except OverflowError:
        raise ConfigError(
            f"e**{exponent:g} is too large for a number, and the bounds of W&B's log_uniform are exponents",
            path=name,
            remedy="write log_uniform_values if these are values",
        ) from None


def _rounded(number: float) -> float:
    """Return a number with six digits: the exponent -6.907755 is meant as 0.001, but is not exactly that."""
    return float(f"{number:.6g}")


def _number(path: str, value: Any) -> float:
    return finite_number(path, _number_or_itself(value))


def _number_or_itself(value: Any) -> Any:
    """Return the number for a text like 1e-5, which YAML reads as a text; anything else is returned unchanged."""
    return float(value) if isinstance(value, str) and _SCIENTIFIC.fullmatch(value) else value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
