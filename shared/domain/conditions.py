"""Conditions of parameters: which parameters can be active, and how many configurations a space has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from shared.domain.errors import ConfigError
from shared.domain.parameter import Condition, Parameter, Value
from shared.domain.wording import nearest, show

Axis = Mapping[Value | None, float]
"""How often a parameter takes each relevant value; None stands for all other values."""


def settle_conditions(
    parameters: Sequence[Parameter], fixed: Mapping[str, Any]
) -> tuple[tuple[Parameter, ...], dict[str, str]]:
    """Return the parameters that can be active, and for each of the others the reason why it never is.

    A condition on a key of `fixed` (values of the config that are not searched) is decided here. A child inherits the
    conditions of its parents: afterwards `when` has all of them, one for each path, without those that are always
    true. So the conditions of a parameter are enough to know whether it is active.
    Raises ConfigError for an unknown path, a value that the parent never takes, and a cycle.
    """
    searched = {parameter.path: parameter for parameter in parameters}
    checked = {path: _checked(parameter, searched, fixed) for path, parameter in searched.items()}
    settled: dict[str, Parameter] = {}
    idle: dict[str, str] = {}
    for path in _parents_first(checked):
        when = _whole(checked[path], settled, idle, fixed)
        if isinstance(when, str):
            idle[path] = when
            continue
        kept = [condition for condition in when if len(condition.values) != searched[condition.path].cells]
        settled[path] = replace(searched[path], when=tuple(kept))
    if not settled:
        path, reason = next(iter(idle.items()))
        raise ConfigError(
            f"never true, because {reason}, and nothing else is searched",
            path=f"{path}.when",
            remedy="change the condition, or search another parameter",
        )
    return tuple(settled[path] for path in searched if path in settled), idle


def _checked(parameter: Parameter, searched: Mapping[str, Parameter], fixed: Mapping[str, Any]) -> Parameter:
    """Return the parameter; the values in its conditions get the types of the parents."""
    return replace(parameter, when=tuple(_read(parameter.path, one, searched, fixed) for one in parameter.when))


def _read(child: str, condition: Condition, searched: Mapping[str, Parameter], fixed: Mapping[str, Any]) -> Condition:
    path, parent = condition.path, searched.get(condition.path)
    if parent is None:
        if path not in fixed:
            meant = nearest(path, [*searched, *fixed])
            raise ConfigError(f"unknown key {path}", path=f"{child}.when", meant=meant)
        return condition
    if not parent.cells:
        raise ConfigError(
            f"{path} has the distribution {parent.distribution}",
            path=f"{child}.when",
            expected="a parameter with single values: categorical, int_uniform or uniform_pow2",
        )
    try:
        return Condition(path, tuple(dict.fromkeys(parent.check(value) for value in condition.values)))
    except ConfigError as error:
        raise error.within(f"{child}.when") from None


def _parents_first(parameters: Mapping[str, Parameter]) -> list[str]:
    parents = {path: [c.path for c in p.when if c.path in parameters] for path, p in parameters.items()}
    try:
        return list(TopologicalSorter(parents).static_order())
    except CycleError as error:
        circle = [str(path) for path in reversed(error.args[1])]
        raise ConfigError(
            f"{circle[0]} depends on itself ({' -> '.join(circle)})",
            path=f"{circle[0]}.when",
            remedy="remove one of these conditions",
        ) from None


def _whole(
    parameter: Parameter, settled: Mapping[str, Parameter], idle: Mapping[str, str], fixed: Mapping[str, Any]
) -> list[Condition] | str:
    """Return all conditions that the parameter depends on, or why they are never true together."""
    allowed: dict[str, tuple[Value, ...]] = {}
    for condition in parameter.when:
        path = condition.path
        if path in idle:
            return f"{path} is never active"
        if path in settled:
            for one in (*settled[path].when, condition):
                wanted = allowed.get(one.path, one.values)
                allowed[one.path] = tuple(value for value in wanted if value in one.values)
        elif not any(_same(fixed[path], value) for value in condition.values):
            return f"{path} is {show(fixed[path])}"
    if not all(allowed.values()):
        return "its conditions contradict each other"
    return [Condition(path, values) for path, values in allowed.items()]


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def axis_of(parameter: Parameter, parameters: Sequence[Parameter]) -> Axis:
    """Return the values that conditions name, one by one, and the number of all other values."""
    named = {value for one in parameters for c in one.when if c.path == parameter.path for value in c.values}
    whole = parameter.max - parameter.min + 1 if parameter.is_integer else math.inf
    others = float(parameter.cells or whole) - len(named)
    return dict.fromkeys(named, 1.0) | ({None: others} if others else {})


def count_combinations(parameters: Sequence[Parameter], axes: Mapping[str, Axis]) -> float:
    """Return the number of configurations if each active parameter takes the values of its axis.

    For each value of a parent the parameters that depend on it are counted; independent ones are counted once.
    """
    parents = {condition.path for parameter in parameters for condition in parameter.when}
    root = next((p for p in parameters if p.path in parents and not p.when), None)
    if root is None:
        return math.prod(sum(axes[parameter.path].values()) for parameter in parameters)
    family = _family(root, parameters)
    others = [parameter for parameter in parameters if parameter.path not in family]
    rest = [parameter for parameter in parameters if parameter.path in family - {root.path}]
    values = axes[root.path].items()
    own = sum(times * count_combinations(_given(rest, root.path, value), axes) for value, times in values)
    return own * count_combinations(others, axes)


def _given(parameters: Sequence[Parameter], path: str, value: Value | None) -> list[Parameter]:
    """Return the parameters that may be active if `path` has `value`, without that condition."""
    return [
        replace(parameter, when=tuple(condition for condition in parameter.when if condition.path != path))
        for parameter in parameters
        if all(value in condition.values for condition in parameter.when if condition.path == path)
    ]


def _family(root: Parameter, parameters: Sequence[Parameter]) -> set[str]:
    """Return the paths of all parameters that conditions connect with `root`."""
    links = [{parameter.path, *(condition.path for condition in parameter.when)} for parameter in parameters]
    family: set[str] = {root.path}
    while near := [link for link in links if link & family and not link <= family]:
        family.update(*near)
    return family
