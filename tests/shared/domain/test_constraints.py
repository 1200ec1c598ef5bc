"""Conditions over parameters: what they allow, and what is refused instead of being executed."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.constraints import read_constraint
from shared.domain.errors import ConfigError
from shared.domain.search_space import SearchSpace

SEARCHED = ("trainer.batch_size", "trainer.minibatch_size", "kind")
FIXED = {"trainer.workers": 4, "sim.num_episodes": 10}


def allows(text: str, **params: Any) -> bool:
    values = {"trainer.batch_size": 64, "trainer.minibatch_size": 16, "kind": "adam"}
    named = {"batch": "trainer.batch_size", "mini": "trainer.minibatch_size"}
    values |= {named.get(name, name): value for name, value in params.items()}
    return read_constraint(text, searched=SEARCHED, fixed=FIXED).allows(values)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("trainer.batch_size % trainer.minibatch_size == 0", True),
        ("trainer.batch_size < trainer.minibatch_size", False),
        ("16 <= trainer.minibatch_size <= trainer.batch_size", True),
        ("trainer.batch_size / trainer.workers >= 16 and kind == 'adam'", True),
        ("kind == 'sgd' or trainer.batch_size - 60 == 4", True),
        ("not (kind == 'adam')", False),
        ("-trainer.batch_size * 2 + 3 < 0", True),
        ("trainer.batch_size // 100 != 0", False),
    ],
)
def test_arithmetic_and_comparisons_mean_what_they_do_in_python(text: str, holds: bool) -> None:
    assert allows(text) is holds


def test_what_cannot_be_computed_is_not_allowed() -> None:
    assert not allows("trainer.batch_size % trainer.minibatch_size == 0", mini=0)
    assert not allows("kind < trainer.batch_size")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true') == 0", "cannot be read; expected comparisons of keys, numbers"),
        ("(lambda: kind)() == 1", "cannot be read"),
        ("[kind][0] == 1", "cannot be read"),
        ("trainer.batch_size ** 9 ** 9 ** 9 > 1", "cannot be read"),
        ("trainer.batch_size =", "cannot be read"),
        ("(" * 400 + "kind" + ")" * 400 + " == 1", "expected a text such as"),
        ("trainer.batch_size + 1", "is not a condition"),
        ("trainer.batchsize > 1", "has the unknown key trainer.batchsize (did you mean trainer.batch_size?)"),
        ("trainer.workers > 1", "uses no searched parameter; remove it"),
        (7, "expected a text such as trainer.a <= trainer.b"),
    ],
)
def test_what_is_no_condition_is_refused_and_never_executed(text: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_constraint(text, searched=SEARCHED, fixed=FIXED)

    assert message in str(caught.value)


def a_space(*constraints: str) -> SearchSpace:
    unit = {"distribution": "uniform", "min": 0.0, "max": 1.0}
    return SearchSpace.from_config({"a": unit, "b": unit}, constraints=constraints)


def test_a_space_says_how_much_of_it_its_constraints_leave() -> None:
    space = a_space("a < b")

    assert space.notes[-1] in ("50 % of the space meets the constraints", "49 % of the space meets the constraints")
    assert space.allows({"a": 0.1, "b": 0.2})
    assert not space.allows({"a": 0.2, "b": 0.1})


def test_constraints_that_nothing_meets_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"none of 4000 configurations meets a < b and b < a; loosen the constraints"):
        a_space("a < b", "b < a")
