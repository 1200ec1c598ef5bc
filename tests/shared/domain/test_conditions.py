"""Conditional parameters: when they are active, what is refused, and the one form that a configuration has."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import ConfigError
from shared.domain.grid import Grid
from shared.domain.parameter import key_of
from shared.domain.search_space import Params, SearchSpace

OPTIMIZER: dict[str, Any] = {
    "type": {"distribution": "categorical", "values": ["adam", "sgd"]},
    "beta1": {"distribution": "logit_normal", "min": 0.5, "max": 0.999, "mean": 0.9, "when": {"type": "adam"}},
    "momentum": {"distribution": "uniform", "min": 0, "max": 0.99, "when": {"type": ["sgd"]}},
    "nesterov": {"distribution": "categorical", "values": [False, True], "when": {"type": "sgd"}},
    "lookahead": {"distribution": "int_uniform", "min": 1, "max": 9, "when": {"nesterov": True}},
    "rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
}


@pytest.fixture
def space() -> SearchSpace:
    return SearchSpace.from_config(OPTIMIZER)


def leaf(**more: object) -> dict[str, Any]:
    return {"distribution": "uniform", "min": 0, "max": 1, **more}


def choice(*values: object, **more: object) -> dict[str, Any]:
    return {"distribution": "categorical", "values": list(values), **more}


def refusal(parameters: Any, **options: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        SearchSpace.from_config(parameters, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# ---------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("adam", "x.when is 'adam': expected keys and values; write for example when: {trainer.optimizer.type: adam}"),
        ({}, "x.when is {}: expected keys and values"),
        (None, "x.when is null: expected keys and values"),
        ({"type": []}, "x.when.type is []: expected a value or a list of values"),
        ({"type": None}, "x.when.type is null: expected a value or a list of values"),
        ({"type": {"a": "b"}}, "x.when.type is {'a': 'b'}: expected a value or a list of values"),
        ({"tpye": "adam"}, "x.when: unknown key tpye (did you mean type?)"),
        ({"type": "adan"}, "x.when.type is 'adan': expected one of 'adam', 'sgd'"),
        ({"flag": 1}, "x.when.flag is 1: expected one of true, false"),
        ({"layers": 9}, "x.when.layers is 9: expected a number from 1 to 4"),
        ({"rate": 0.5}, "x.when: rate has the distribution uniform; expected a parameter with single values"),
        ({"steps": 3}, "x.when: steps has the distribution log_normal; expected a parameter with single values"),
        ({"x": 0.5}, "x.when: x has the distribution uniform"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_with_what_was_meant(when: Any, message: str) -> None:
    others = {
        "type": choice("adam", "sgd"),
        "flag": choice(True, False),
        "layers": {"distribution": "int_uniform", "min": 1, "max": 4},
        "steps": {"distribution": "log_normal", "min": 1, "max": 9, "is_integer": True},
        "rate": leaf(),
    }

    assert refusal({**others, "x": leaf(when=when)}).startswith(message)


def test_conditions_that_go_round_in_a_circle_are_refused() -> None:
    circle = {"a": choice(1, 2, when={"b": 1}), "b": choice(1, 2, when={"c": 1}), "c": choice(1, 2, when={"a": 1})}

    assert "depends on itself (" in refusal(circle)
    assert refusal({"a": choice(1, 2, when={"a": 1})}).startswith("a.when: a depends on itself (a -> a); remove one")


def test_every_kind_with_values_to_count_can_decide() -> None:
    parents = {
        "kind": choice("a", "b"),
        "layers": {"distribution": "int_uniform", "min": 1, "max": 4},
        "batch": {"distribution": "uniform_pow2", "min": 16, "max": 64},
        "constant": choice("only"),
    }
    when = {"kind": "b", "layers": [2, 4.0], "batch": 64, "constant": "only"}
    space = SearchSpace.from_config({**parents, "x": leaf(when=when)})
    params = {"kind": "b", "layers": 4, "batch": 64, "constant": "only"}

    assert "x" in space.completed(params)
    for path, other in (("kind", "a"), ("layers", 3), ("batch", 32)):
        assert "x" not in space.completed({**params, path: other})


def test_a_key_that_is_not_searched_decides_once_and_a_note_names_what_is_left_out() -> None:
    parameters = {
        "kind": choice("a", "b"),
        "always": leaf(when={"trainer.mode": ["fast", "slow"]}),
        "never": choice(1, 2, when={"trainer.mode": "slow", "kind": "a"}),
        "below": leaf(when={"never": 1}),
    }

    space = SearchSpace.from_config(parameters, fixed={"trainer.mode": "fast", "never": 1})

    assert space.paths == ("kind", "always")
    assert not space.is_conditional
    assert space.notes == (
        "never: not searched, because it is never active: trainer.mode is 'fast'",
        "below: not searched, because it is never active: never is never active",
    )
    assert space.validate({"kind": "a", "always": 0.5, "never": 1, "below": "?"}) == {"kind": "a", "always": 0.5}


def test_true_is_not_taken_for_1_in_a_key_that_is_not_searched() -> None:
    parameters = {"x": leaf(), "y": leaf(when={"flag": 1})}

    assert SearchSpace.from_config(parameters, fixed={"flag": True}).paths == ("x",)


def test_conditions_that_exclude_each_other_leave_the_parameter_out() -> None:
    parameters = {
        "kind": choice("a", "b"),
        "child": choice(1, 2, when={"kind": "a"}),
        "grandchild": leaf(when={"child": 1, "kind": "b"}),
    }

    space = SearchSpace.from_config(parameters)

    assert space.paths == ("kind", "child")
    assert space.notes[-1].endswith("never active: its conditions contradict each other")


def test_a_condition_that_always_holds_is_none() -> None:
    space = SearchSpace.from_config({"kind": choice("a", "b"), "x": leaf(when={"kind": ["b", "a"]})})

    assert not space.is_conditional
    assert len(space.completed({"kind": "a"})) == 2


def test_a_space_in_which_nothing_can_be_active_is_refused() -> None:
    message = refusal({"x": leaf(when={"mode": "slow"})}, fixed={"mode": "fast"})

    assert message == (
        "x.when: never true, because mode is 'fast', and nothing else is searched; "
        "change the condition, or search another parameter"
    )


# ---------------------------------------------------------------------------------------------- params and units


def test_the_centre_and_every_sample_hold_only_what_is_active(space: SearchSpace) -> None:
    rng = np.random.default_rng(0)
    seen = set()

    for params in (
        space.centre(),
        *(space.sample(rng) for _ in range(50)),
        *(space.sample_uniform(rng) for _ in "abc"),
    ):
        assert ("beta1" in params) == (params["type"] == "adam")
        assert ("momentum" in params) == ("nesterov" in params) == (params["type"] == "sgd")
        assert ("lookahead" in params) == (params.get("nesterov") is True)
        assert space.validate(params) == params
        seen.add(tuple(params))

    assert len(seen) == 3
    assert space.centre() == {"type": "adam", "beta1": 0.9, "rate": pytest.approx(1e-3)}


def test_inactive_keys_are_dropped_whatever_they_hold_and_a_missing_active_one_is_refused(space: SearchSpace) -> None:
    params = {"type": "adam", "beta1": 0.9, "momentum": None, "nesterov": True, "lookahead": 77, "rate": 0.01}

    assert space.validate(params) == {"type": "adam", "beta1": 0.9, "rate": 0.01}
    with pytest.raises(ConfigError, match="beta1: missing; give a value for each parameter that is active"):
        space.validate({"type": "adam", "rate": 0.01})
    with pytest.raises(ConfigError, match="momentum is 2: expected a number from 0"):
        space.validate({**params, "type": "sgd", "momentum": 2})


def test_a_child_may_stand_before_its_parent_in_the_file() -> None:
    space = SearchSpace.from_config(dict(reversed(OPTIMIZER.items())))

    params = space.completed({"type": "sgd", "nesterov": True})

    assert list(params) == ["rate", "lookahead", "nesterov", "momentum", "type"]


def test_a_surrogate_sees_a_constant_where_a_parameter_is_inactive(space: SearchSpace) -> None:
    units = space.snap(np.random.default_rng(0).random((200, len(space))))
    column = units[:, space.paths.index("momentum")]
    adam = units[:, 0] < 0.5

    assert len(set(column[adam])) == 1
    assert len(set(column[~adam])) == (~adam).sum()
    assert set(column[adam]) == {space.encode(space.centre())[space.paths.index("momentum")]}


def test_a_conditional_parameter_that_becomes_active_starts_at_its_centre_as_written() -> None:
    rate = {"distribution": "log_normal", "min": 0.0001, "max": 0.001, "mean": 0.0003}
    space = SearchSpace.from_config({"kind": choice("a", "b"), "x": {**rate, "when": {"kind": "b"}}})
    unit = space.encode(space.centre())

    unit[0] = 0.75

    assert space.decode(unit) == space.completed({"kind": "b"}) == {"kind": "b", "x": 0.0003}


def test_what_is_missing_is_taken_from_the_centre(space: SearchSpace) -> None:
    assert space.completed({"type": "sgd", "nesterov": True})["lookahead"] == 5
    assert space.completed({"rate": 0.1}) == {"type": "adam", "beta1": 0.9, "rate": 0.1}


def test_a_constraint_sees_the_configs_own_value_of_an_inactive_parameter_else_it_is_met() -> None:
    constraints = ["momentum < 0.5", "beta1 > 0.6"]
    space = SearchSpace.from_config(OPTIMIZER, constraints=constraints, fixed={"momentum": 0.1})
    strict = SearchSpace.from_config(OPTIMIZER, constraints=["momentum < 0.5"], fixed={"momentum": 0.9})
    adam, sgd = space.centre(), space.completed({"type": "sgd", "momentum": 0.9})

    assert space.allows(adam)
    assert not space.allows(sgd)
    assert space.allows({**sgd, "momentum": 0.2})
    assert not space.allows({**adam, "beta1": 0.55})
    assert not strict.allows(adam)


def test_a_constraint_may_name_a_parameter_that_is_never_active() -> None:
    parameters = {"x": leaf(), "y": leaf(when={"mode": "slow"})}

    space = SearchSpace.from_config(parameters, constraints=["x < y", "x < 0.5"], fixed={"mode": "fast"})

    assert space.allows({"x": 0.4})
    assert not space.allows({"x": 0.6})


# ---------------------------------------------------------------------------------------------- any space

DISCRETE = st.sampled_from(
    [
        choice("a", "b"),
        choice("a", "b", "c"),
        choice("only"),
        {"distribution": "int_uniform", "min": 1, "max": 3},
        {"distribution": "uniform_pow2", "min": 2, "max": 8},
    ]
)
CONTINUOUS = st.sampled_from(
    [
        leaf(mean=0.3),
        {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-4},
        {"distribution": "logit_normal", "min": 0.5, "max": 0.999},
        {"distribution": "log_normal", "min": 1, "max": 9, "is_integer": True},
    ]
)


def values_of(parameter: dict[str, Any]) -> list[Any]:
    if parameter["distribution"] == "categorical":
        return list(parameter["values"])
    numbers = range(parameter["min"], parameter["max"] + 1)
    return [n for n in numbers if parameter["distribution"] == "int_uniform" or n & (n - 1) == 0]


@st.composite
def spaces(draw: st.DrawFn, *, finite: bool = False) -> dict[str, Any]:
    """Draw up to seven parameters with conditions on one or two others, in any order; chains are likely."""
    parameters: dict[str, Any] = {}
    for number in range(draw(st.integers(2, 7))):
        parents = [path for path, one in parameters.items() if path.startswith("d")]
        is_discrete = finite or number == 0 or draw(st.booleans())
        parameter = dict(draw(DISCRETE if is_discrete else CONTINUOUS))
        chosen = draw(st.lists(st.sampled_from(parents), max_size=2, unique=True)) if parents else []
        if chosen:
            parameter["when"] = {
                path: draw(st.lists(st.sampled_from(values_of(parameters[path])), min_size=1, max_size=2))
                for path in chosen
            }
        parameters[f"{'d' if is_discrete else 'c'}{number}"] = parameter
    return dict(draw(st.permutations(list(parameters.items()))))


def is_active(path: str, parameters: dict[str, Any], values: Params) -> bool:
    """Say it as the documentation does: all conditions hold, and every parent is active."""
    when = parameters[path].get("when", {})
    return all(values[key] in wanted and is_active(key, parameters, values) for key, wanted in when.items())


def everything(parameters: dict[str, Any]) -> set[frozenset[tuple[str, Any]]]:
    """Return all configurations the slow way: every combination, without what is inactive in it."""
    found = set()
    for combination in itertools.product(*(values_of(one) for one in parameters.values())):
        values = dict(zip(parameters, combination, strict=True))
        found.add(frozenset((path, v) for path, v in values.items() if is_active(path, parameters, values)))
    return found


def rows(space: SearchSpace, n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).random((n, len(space)))


@given(spaces())
def test_params_hold_exactly_what_is_active(parameters: dict[str, Any]) -> None:
    space = SearchSpace.from_config(parameters)

    for unit in rows(space):
        values = {p.path: p.decode(float(u)) for p, u in zip(space.parameters, unit, strict=True)}
        values |= {path: values_of(parameters[path])[0] for path in space.idle if path.startswith("d")}
        params = space.decode(unit)
        assert set(params) == {path for path in space.paths if is_active(path, parameters, values)}
        assert not any(is_active(path, parameters, values) for path in space.idle)
        assert space.validate(json.loads(json.dumps(params))) == params
        assert space.validate({**values, **params}) == params


@given(spaces())
def test_a_configuration_has_one_form_of_each_kind(parameters: dict[str, Any]) -> None:
    space = SearchSpace.from_config(parameters)
    drawn = rows(space)

    snapped = space.snap(drawn)

    assert (space.snap(snapped) == snapped).all()
    assert np.array([space.encode(space.decode(unit)) for unit in snapped]) == pytest.approx(snapped, abs=1e-9)
    assert [tuple(space.decode(unit)) for unit in snapped] == [tuple(space.decode(unit)) for unit in drawn]
    for unit in drawn:
        params = space.decode(unit)
        again = space.decode(space.encode(params))
        assert list(again) == list(params)
        for path, value in params.items():
            assert again[path] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)


@given(spaces())
def test_what_is_active_in_many_rows_is_what_is_active_in_each(parameters: dict[str, Any]) -> None:
    space = SearchSpace.from_config(parameters)
    drawn = rows(space)

    active = space.activity(drawn)

    assert [[p in space.decode(unit) for p in space.paths] for unit in drawn] == active.tolist()


@given(spaces(finite=True))
def test_the_size_of_a_space_is_the_number_of_its_configurations(parameters: dict[str, Any]) -> None:
    assert SearchSpace.from_config(parameters).size == len(everything(parameters))


@settings(max_examples=50)
@given(spaces(finite=True))
def test_a_grid_has_each_configuration_once(parameters: dict[str, Any]) -> None:
    grid = Grid(SearchSpace.from_config(parameters), points=5)

    listed = [grid[number] for number in range(grid.size)]

    assert len(listed) == len({key_of(params) for params in listed})
    assert {frozenset(params.items()) for params in listed} == everything(parameters)


@settings(max_examples=50)
@given(spaces())
def test_a_coarse_grid_has_no_combination_twice_and_no_inactive_parameter(parameters: dict[str, Any]) -> None:
    space = SearchSpace.from_config(parameters)
    grid = Grid(space, points=2)

    listed = [grid[number] for number in range(grid.size)]

    assert len(listed) == len({key_of(params) for params in listed})
    assert all(space.validate(params) == params for params in listed)
    assert all(value in grid.axes[path] for params in listed for path, value in params.items())


def branches(count: int, each: int) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "kind", choice(*range(count))
    for number in range(count):
        for place in range(each):
            yield f"p{number}.{place}", choice(*range(5), when={"kind": number})


def test_many_branches_are_counted_without_their_product() -> None:
    space = SearchSpace.from_config(dict(branches(8, 4)))
    switches = {f"s{n}": choice(True, False) for n in range(40)}
    below = {f"x{n}": choice(1, 2, when={f"s{n}": True}) for n in range(40)}

    assert space.size == 8 * 5**4
    assert Grid(space, points=5).size == 8 * 5**4
    assert SearchSpace.from_config(switches | below).size == 3.0**40


def test_a_parent_with_a_great_many_values_is_counted_by_those_that_matter() -> None:
    parent = {"distribution": "int_uniform", "min": 1, "max": 10**9}

    space = SearchSpace.from_config({"n": parent, "x": choice(1, 2, 3, when={"n": [7, 8]})})

    assert space.size == 10**9 + 4
