"""Writes a search space in Python: one function for each distribution. Standard library only.

A space is a mapping of names to distributions. Each distribution is plain data, as in the YAML file of a sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "Distribution",
    "Space",
    "choice",
    "constant",
    "int_uniform",
    "log_uniform",
    "logit_uniform",
    "pow2",
    "uniform",
]

Distribution = dict[str, Any]
"""One parameter as plain data: `{"distribution": "uniform", "min": 0, "max": 1}`."""
Space = Mapping[str, Any]
"""Distributions by name. Mappings below a name are sections: `{"optimizer": {"lr": log_uniform(1e-5, 1e-1)}}`."""
Number = float


def uniform(
    low: Number,
    high: Number,
    *,
    center: Number | None = None,
    radius: float | None = None,
    when: Mapping[str, Any] | None = None,
) -> Distribution:
    """A number between two bounds, on a linear scale.

    Args:
        low: The lower bound.
        high: The upper bound.
        center: Where the search starts (default: the middle).
        radius: The search radius, as a share of half the range, 0 to 1 (default: chosen automatically).
        when: Values of other parameters, by name: this parameter is active only in runs with these values.

    Returns:
        The distribution as plain data.

    Example:
        ```python
        ps.uniform(0.0, 0.5)
        ```
    """
    return _range("uniform", low, high, center, radius, when)


def int_uniform(
    low: int,
    high: int,
    *,
    center: int | None = None,
    radius: float | None = None,
    when: Mapping[str, Any] | None = None,
) -> Distribution:
    """A whole number between two bounds, both included, on a linear scale.

    Args:
        low: The lower bound.
        high: The upper bound.
        center: Where the search starts (default: the middle).
        radius: The search radius, as a share of half the range, 0 to 1 (default: chosen automatically).
        when: Values of other parameters, by name: this parameter is active only in runs with these values.

    Returns:
        The distribution as plain data.

    Example:
        ```python
        ps.int_uniform(1, 8)
        ```
    """
    return _range("int_uniform", low, high, center, radius, when)


def log_uniform(
    low: Number,
    high: Number,
    *,
    integer: bool = False,
    center: Number | None = None,
    radius: float | None = None,
    when: Mapping[str, Any] | None = None,
) -> Distribution:
    """A positive number between two bounds, on a logarithmic scale.

    Args:
        low: The lower bound, above 0.
        high: The upper bound.
        integer: Whether values are whole numbers.
        center: Where the search starts (default: the geometric mean).
        radius: The search radius, as a share of half the range, 0 to 1 (default: chosen automatically).
        when: Values of other parameters, by name: this parameter is active only in runs with these values.

    Returns:
        The distribution as plain data.

    Example:
        ```python
        ps.log_uniform(1e-5, 1e-1)
        ```
    """
    return {**_range("log_normal", low, high, center, radius, when), **({"is_integer": True} if integer else {})}


def logit_uniform(
    low: float,
    high: float,
    *,
    center: float | None = None,
    radius: float | None = None,
    when: Mapping[str, Any] | None = None,
) -> Distribution:
    """A number between two bounds below 1, on a logit scale: for discount factors such as 0.99.

    Args:
        low: The lower bound, above 0.
        high: The upper bound, below 1.
        center: Where the search starts (default: the middle).
        radius: The search radius, as a share of half the range, 0 to 1 (default: chosen automatically).
        when: Values of other parameters, by name: this parameter is active only in runs with these values.

    Returns:
        The distribution as plain data.

    Example:
        ```python
        ps.logit_uniform(0.9, 0.999, center=0.99)
        ```
    """
    return _range("logit_normal", low, high, center, radius, when)


def pow2(
    low: int,
    high: int,
    *,
    center: int | None = None,
    radius: float | None = None,
    when: Mapping[str, Any] | None = None,
) -> Distribution:
    """A power of two between two bounds, both included: for batch sizes and widths.

    Args:
        low: The lower bound.
        high: The upper bound.
        center: Where the search starts (default: the geometric mean).
        radius: The search radius, as a share of half the range, 0 to 1 (default: chosen automatically).
        when: Values of other parameters, by name: this parameter is active only in runs with these values.

    Returns:
        The distribution as plain data.

    Example:
        ```python
        ps.pow2(32, 1024)
        ```
    """
    return _range("uniform_pow2", low, high, center, radius, when)


def choice(values: Sequence[Any], *, when: Mapping[str, Any] | None = None) -> Distribution:
    """One of several values that have no order.

    Args:
        values: Numbers, texts or booleans.
        when: Values of other parameters, by name: this parameter is active only in runs with these values.

    Returns:
        The distribution as plain data.

    Example:
        ```python
        ps.choice(["relu", "gelu"])
        ```
    """
    return {"distribution": "categorical", "values": list(values), **_if_given(when=when)}


def constant(value: Any) -> Distribution:
    """One value that is the same in every run.

    Args:
        value: A number, a text or a boolean.

    Returns:
        The distribution as plain data.

    Example:
        ```python
        ps.constant(64)
        ```
    """
    return choice([value])


def _range(
    kind: str,
    low: Number,
    high: Number,
    center: Number | None,
    radius: float | None,
    when: Mapping[str, Any] | None,
) -> Distribution:
    return {"distribution": kind, "min": low, "max": high, **_if_given(mean=center, scale=radius, when=when)}


def _if_given(**keys: Any) -> Distribution:
    return {key: value for key, value in keys.items() if value is not None}
