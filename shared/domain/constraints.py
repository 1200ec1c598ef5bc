"""Conditions on several parameters of a run, such as `trainer.batch_size % trainer.minibatch_size == 0`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import ConfigError
from shared.domain.wording import nearest, show, wrong_value

CONSTRAINTS = "sweep.constraints"
LONGEST = 500
ALLOWED = "comparisons of keys, numbers and texts with + - * / // % and or not"
_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.Not: operator.not_}


@dataclass(frozen=True)
class Constraint:
    """One condition, parsed and checked. `fixed` are the values of its keys in the config."""

    text: str
    tree: ast.expr
    paths: tuple[str, ...]
    fixed: Mapping[str, Any]

    def allows(self, params: Mapping[str, Any]) -> bool:
        """Whether `params` meet it; a condition that cannot be computed, such as a division by zero, is not met.

        An inactive parameter has the value of the config; if the config has none, the condition is met.
        """
        values = {**self.fixed, **params}
        if any(path not in values for path in self.paths):
            return True
        try:
            return bool(_value(self.tree, values))
        except (ArithmeticError, TypeError):
            return False


def read_constraint(text: object, *, searched: tuple[str, ...], fixed: Mapping[str, Any]) -> Constraint:
    """Parse one condition over the `searched` and the `fixed` paths.

    The text is parsed and never executed; it may contain arithmetic and comparisons. Raises ConfigError for more.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise wrong_value(CONSTRAINTS, text, "a text such as trainer.a <= trainer.b")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        paths = tuple(dict.fromkeys(_paths(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(f"{show(text)} cannot be read", path=CONSTRAINTS, expected=ALLOWED) from None
    if not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp):
        raise ConfigError(f"{show(text)} is not a condition", path=CONSTRAINTS, expected=ALLOWED)
    for path in paths:
        if path not in searched and path not in fixed:
            raise ConfigError(
                f"{show(text)} has the unknown key {path}", path=CONSTRAINTS, meant=nearest(path, [*searched, *fixed])
            )
    if not set(paths) & set(searched):
        raise ConfigError(f"{show(text)} uses no searched parameter", path=CONSTRAINTS, remedy="remove it")
    return Constraint(text, tree, paths, {path: fixed[path] for path in paths if path in fixed})


def _paths(node: ast.expr) -> list[str]:
    """Return the dotted keys of a condition. Raises ValueError for anything that is not allowed in it."""
    match node:
        case ast.Constant(value=value) if isinstance(value, bool | int | float | str):
            return []
        case ast.Name() | ast.Attribute():
            return [_dotted(node)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _paths(left) + _paths(right)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _paths(operand)
        case ast.BoolOp(values=values):
            return [path for value in values for path in _paths(value)]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _BINARY for op in ops):
            return [path for value in (left, *others) for path in _paths(value)]
    raise ValueError(type(node).__name__)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
    raise ValueError(type(node).__name__)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, values))
        case ast.BoolOp(op=op, values=parts):
            meets = (bool(_value(part, values)) for part in parts)
            return all(meets) if isinstance(op, ast.And) else any(meets)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_value(side, values) for side in (left, *others)]
            return all(_BINARY[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
    return values[_dotted(node)]
