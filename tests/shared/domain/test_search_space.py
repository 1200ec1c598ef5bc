"""The search space: what each distribution means, what is refused and how, and the maps to the unit cube."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import ConfigError
from shared.domain.search_space import Params, SearchSpace

FULL: dict[str, Any] = {
    "trainer": {
        "ppo": {
            "gamma": {"distribution": "logit_normal", "min": 0.001, "max": 0.999, "mean": 0.99, "scale": 0.3},
            "gae_lambda": {"distribution": "logit_normal", "min": 0.001, "max": 0.999, "mean": 0.95, "scale": 0.3},
            "clip_coef": {"distribution": "logit_normal", "min": 0.001, "max": 0.999, "mean": 0.2, "scale": 0.3},
            "vf_coef": {"distribution": "logit_normal", "min": 0.001, "max": 0.999, "mean": 0.5, "scale": 0.3},
            "vf_clip_coef": {"distribution": "logit_normal", "min": 0.001, "max": 0.999, "mean": 0.2, "scale": 0.3},
            "ent_coef": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3, "scale": 0.5},
        },
        "update_epochs": {"distribution": "int_uniform", "min": 1, "max": 16, "mean": 4, "scale": 0.25},
        "optimizer": {
            "learning_rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3, "scale": 0.5},
            "beta1": {"distribution": "logit_normal", "min": 0.1, "max": 0.999, "mean": 0.9, "scale": 0.2},
            "beta2": {"distribution": "logit_normal", "min": 0.8, "max": 0.999, "mean": 0.999, "scale": 0.1},
            "eps": {"distribution": "log_normal", "min": 1e-12, "max": 1e-6, "mean": 1e-8, "scale": 0.5},
        },
    }
}

EVERY_KIND: dict[str, Any] = {
    "linear": {"distribution": "uniform", "min": -2, "max": 3},
    "count": {"distribution": "int_uniform", "min": 1, "max": 5},
    "batch": {"distribution": "uniform_pow2", "min": 48, "max": 1000},
    "rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
    "steps": {"distribution": "log_normal", "min": 1, "max": 1000, "is_integer": True},
    "gamma": {"distribution": "logit_normal", "min": 0.5, "max": 0.999},
    "name": {"distribution": "categorical", "values": ["adam", "muon", 3]},
}


def leaf(distribution: str, low: object = 0.1, high: object = 0.9, **more: object) -> dict[str, Any]:
    return {"x": {"distribution": distribution, "min": low, "max": high, **more}}


def refusal(parameters: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        SearchSpace.from_config(parameters)
    message = str(raised.value)
    assert "\n" not in message
    return message


def draws(parameters: dict[str, Any], *, path: str = "x", n: int = 4000) -> list[Any]:
    space, rng = SearchSpace.from_config(parameters), np.random.default_rng(0)
    return [space.sample_uniform(rng)[path] for _ in range(n)]


# ---------------------------------------------------------------------------------------------- reading a config


def test_the_published_full_space_loads_with_its_eleven_parameters_and_its_centre() -> None:
    space = SearchSpace.from_config(FULL)

    assert len(space) == 11
    assert space.paths[0] == "trainer.ppo.gamma"
    assert space.notes == ()
    centre = space.centre()
    assert centre["trainer.optimizer.beta2"] == 0.999
    assert centre["trainer.update_epochs"] == 4
    assert space.validate(centre) == centre


def test_the_published_quick_space_loads_and_samples_inside_its_bounds() -> None:
    parameters = leaf("log_normal", 0.0001, 0.001, mean=0.0005, scale=0.5)
    space, rng = SearchSpace.from_config(parameters), np.random.default_rng(0)

    values = [float(space.sample(rng)["x"]) for _ in range(500)]

    # centre u = 2 log10(5) - 1 = .398, half-width .5: from u = -.102 (10**-3.551) to .898 (10**-3.051)
    assert min(values) == pytest.approx(10**-3.551, rel=0.02)
    assert max(values) == pytest.approx(10**-3.051, rel=0.02)


def test_a_missing_mean_is_the_geometric_mean_on_a_log_scale_and_the_arithmetic_one_elsewhere() -> None:
    means = SearchSpace.from_config(EVERY_KIND).centre()

    assert means["rate"] == pytest.approx(1e-3)
    assert means["batch"] == 256  # sqrt(48 * 1000) = 219, nearest power 256
    assert means["linear"] == 0.5
    assert means["count"] == 3
    assert means["gamma"] == pytest.approx(0.7495)
    assert means["name"] == "adam"


@pytest.mark.parametrize("scale", [None, "auto"])
def test_a_missing_scale_is_auto_and_auto_is_one_half(scale: str | None) -> None:
    assert SearchSpace.from_config(leaf("uniform", scale=scale)).parameters[0].scale == 0.5


def test_scale_time_is_half_an_octave_each_way() -> None:
    space = SearchSpace.from_config(leaf("log_normal", 1e6, 64e6, mean=8e6, scale="time"))
    rng = np.random.default_rng(0)

    octaves = [math.log2(float(space.sample(rng)["x"]) / 8e6) for _ in range(500)]

    assert space.parameters[0].scale == pytest.approx(1 / 6)
    assert min(octaves) == pytest.approx(-0.5, abs=0.02)
    assert max(octaves) == pytest.approx(0.5, abs=0.02)


def test_a_log_parameter_stays_a_float_unless_it_is_an_integer() -> None:
    params = SearchSpace.from_config(EVERY_KIND).centre()

    assert type(params["rate"]) is float
    assert type(params["steps"]) is int
    assert type(params["count"]) is int
    assert type(params["batch"]) is int


@pytest.mark.parametrize(
    ("parameters", "path", "remedy"),
    [
        (leaf("uniform", 1, 0), "x.min is 1: expected less than max, which is 0", "swap them"),
        (leaf("uniform", 1, 1), "x.min is 1: expected less than max", "set a fixed value in the trainer's config"),
        (leaf("uniform", mean=2.0), "x.mean is 2", "expected a number from 0.1 to 0.9"),
        (leaf("log_normal", 0, 1), "x.min is 0: expected more than 0 for log_normal", "raise min, or use uniform"),
        (leaf("log_normal", -1, 1), "x.min is -1", "raise min"),
        (leaf("uniform_pow2", 0, 8), "x.min is 0: expected more than 0", "raise min"),
        (
            leaf("uniform", float("nan"), 1),
            "x.min is nan: expected a finite number",
            "write a number that a float can hold",
        ),
        (
            leaf("uniform", 0, float("inf")),
            "x.max is inf: expected a finite number",
            "write a number that a float can hold",
        ),
        (leaf("uniform", 0, 10**400), "expected a finite number", "write a number that a float can hold"),
        (leaf("uniform", -1e308, 1e308), "x.max is 1e+308", "move min and max closer together"),
        (leaf("uniform", scale=0), "x.scale is 0: expected more than 0", "write auto"),
        (leaf("uniform", scale=-1), "x.scale is -1", "write auto"),
        (
            leaf("uniform", scale="time"),
            "x.scale is 'time': expected auto or a number",
            "use time with log_normal only",
        ),
        (leaf("uniform", scale="aut"), "x.scale is 'aut'", "did you mean auto?"),
        (leaf("uniform_pow2", 5, 7), "x is [5.0, 7.0]: expected a range with a power of two", "int_uniform"),
        (leaf("logit_normal", -0.1, 1), "x.min is -0.1: expected a number from 0 to 1", "or use uniform"),
        (leaf("logit_normal", 0.1, 2), "x.max is 2", "or use uniform"),
        (leaf("int_uniform", 1.5, 3), "x.min is 1.5: expected a whole number", "round it"),
        (leaf("uniform", True, 3), "x.min is true: expected a number", "write a number"),
        (leaf("uniform", "1e-5", 3), "x.min is '1e-5': expected a number", "remove the quotes"),
        (leaf("uniform", "low", 3), "x.min is 'low'", "write a number"),
        (leaf("uniform", None, 3), "x.min: missing", "add min: NUMBER"),
        (leaf("log_norm"), "x.distribution is 'log_norm'", "did you mean log_normal?"),
        (leaf("uniform", maen=1), "x.maen: unknown key of uniform", "did you mean mean?"),
        (leaf("uniform", values=[1]), "x.values: unknown key of uniform", "expected one of distribution, min"),
        ({"a": {"x": {"min": 0, "max": 1}}}, "a.x is {", "add distribution: uniform or int_uniform"),
        ({"x": {"values": ["a", "b"]}}, "x is {", "add distribution: categorical"),
        ({"x": {"distributon": "uniform", "min": 0}}, "x is {", "rename distributon to distribution"),
        ({"x": 3}, "x is 3: expected keys and values, with the key distribution", "add distribution"),
        ({"x": {}}, "x is {}", "add distribution"),
        ({}, "parameters is {}: expected at least one parameter with a distribution", "add one"),
        ([], "parameters is []: expected keys and values", "write distribution"),
        ({1: {"distribution": "uniform"}}, "parameters is 1: expected keys that are texts", "quotes"),
        ({"x": {"distribution": "categorical"}}, "x.values is null", "values: [a, b]"),
        ({"x": {"distribution": "categorical", "values": []}}, "x.values is []", "values: [a, b]"),
        ({"x": {"distribution": "categorical", "values": ["a", "a"]}}, "x.values[1] is 'a'", "remove it"),
        ({"x": {"distribution": "categorical", "values": [1, True]}}, "x.values[1] is true", "remove it"),
        (
            {"x": {"distribution": "categorical", "values": [None]}},
            "x.values[0] is null",
            "expected a text, a finite number, true or false",
        ),
        (
            {"x": {"distribution": "categorical", "values": ["a"], "min": 1}},
            "x.min: unknown key of categorical",
            "expected one of distribution, values, when",
        ),
        ({"a.x": leaf("uniform")["x"], "a": leaf("uniform")}, "a.x: written twice", "keep one"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path_and_its_remedy(parameters: Any, path: str, remedy: str) -> None:
    message = refusal(parameters)

    assert path in message
    assert remedy in message


def test_a_group_may_hold_a_parameter_that_is_called_scale() -> None:
    assert SearchSpace.from_config({"reward": {"scale": leaf("uniform")["x"]}}).paths == ("reward.scale",)


def test_logit_bounds_of_0_and_1_are_clamped_and_a_note_says_so() -> None:
    space = SearchSpace.from_config(leaf("logit_normal", 0, 1, mean=1))

    assert (space.parameters[0].min, space.parameters[0].max) == (1e-6, 1 - 1e-6)
    assert space.centre()["x"] == 1 - 1e-6
    assert len(space.notes) == 2
    assert "x.max" in space.notes[1]


def test_a_single_category_is_a_constant_with_a_note() -> None:
    space = SearchSpace.from_config({"x": {"distribution": "categorical", "values": ["adam"]}, **EVERY_KIND})

    assert "x: one value, 'adam': a constant" in space.notes
    assert space.encode({**space.centre(), "x": "adam"})[0] == 0.5
    assert space.features(np.full((3, 8), 0.5)).shape == (3, 9)  # six numbers and three categories


def test_a_range_with_one_power_of_two_is_a_constant_with_a_note() -> None:
    space = SearchSpace.from_config(leaf("uniform_pow2", 48, 100))

    assert draws(leaf("uniform_pow2", 48, 100), n=20) == [64] * 20
    assert "a constant" in space.notes[0]


# ---------------------------------------------------------------------------------------------- distributions


def test_every_integer_has_the_same_mass_also_at_the_ends() -> None:
    values, counts = np.unique(draws(leaf("int_uniform", 1, 4)), return_counts=True)

    assert values.tolist() == [1, 2, 3, 4]
    assert counts.min() > 900


def test_a_sample_around_the_middle_with_full_scale_gives_integers_their_full_mass_at_the_ends() -> None:
    space, rng = SearchSpace.from_config(leaf("int_uniform", 1, 4, mean=2.5, scale=1)), np.random.default_rng(0)

    counts = np.unique([space.sample(rng)["x"] for _ in range(4000)], return_counts=True)[1]

    assert len(counts) == 4
    assert counts.min() > 900


def test_powers_of_two_stay_inside_bounds_that_are_none() -> None:
    values, counts = np.unique(draws(leaf("uniform_pow2", 48, 1000)), return_counts=True)

    assert values.tolist() == [64, 128, 256, 512]
    assert counts.min() > 900


def test_powers_of_two_may_be_fractions() -> None:
    assert set(draws(leaf("uniform_pow2", 0.2, 2.5))) == {0.25, 0.5, 1.0, 2.0}


def test_log_normal_is_uniform_in_the_logarithm() -> None:
    values = np.log10(draws(leaf("log_normal", 1e-5, 1e-1)))

    assert values.mean() == pytest.approx(-3, abs=0.05)
    assert values.std() == pytest.approx(4 / math.sqrt(12), abs=0.05)


def test_logit_normal_is_a_log_scale_towards_1() -> None:
    values = np.log10(1 - np.array(draws(leaf("logit_normal", 0.9, 0.999))))

    assert values.mean() == pytest.approx(-2, abs=0.03)
    assert (values.min(), values.max()) == pytest.approx((-3, -1), abs=0.01)


def test_categories_are_drawn_with_equal_mass_also_around_the_centre() -> None:
    space, rng = SearchSpace.from_config(EVERY_KIND), np.random.default_rng(0)

    counts = np.unique([str(space.sample(rng)["name"]) for _ in range(3000)], return_counts=True)[1]

    assert counts.min() > 900


def test_integers_on_a_log_scale_keep_the_mass_of_their_ends() -> None:
    values, counts = np.unique(draws(leaf("log_normal", 1, 3, is_integer=True)), return_counts=True)

    widths = np.diff(np.log([0.5, 1.5, 2.5, 3.5]))
    assert values.tolist() == [1, 2, 3]
    assert counts / counts.sum() == pytest.approx(widths / widths.sum(), abs=0.03)


def test_a_sample_is_clipped_to_the_bounds_however_wide_the_search_radius() -> None:
    space, rng = SearchSpace.from_config(leaf("uniform", 0, 1, mean=1.0, scale=5)), np.random.default_rng(0)

    values = [float(space.sample(rng)["x"]) for _ in range(200)]

    assert {0.0, 1.0} < set(values)
    assert 0 <= min(values) <= max(values) <= 1


# ---------------------------------------------------------------------------------------------- unit cube


units = st.lists(st.floats(0, 1), min_size=7, max_size=7)


@given(units)
def test_decoded_values_are_legal_plain_and_survive_json_to_the_bit(unit: list[float]) -> None:
    space = SearchSpace.from_config(EVERY_KIND)

    params = space.decode(unit)

    assert space.validate(params) == params
    assert json.loads(json.dumps(params)) == params
    assert all(type(value) in (int, float, str, bool) for value in params.values())


@given(units)
def test_encoding_undoes_decoding_and_agrees_with_snapping(unit: list[float]) -> None:
    space = SearchSpace.from_config(EVERY_KIND)

    encoded = space.encode(space.decode(unit))

    assert encoded == pytest.approx(space.snap(np.array([unit]))[0], abs=1e-9)
    again = space.decode(encoded)
    for path, value in space.decode(unit).items():
        assert again[path] == (pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value)


@settings(max_examples=50)
@given(st.integers(1, 30), st.integers(2, 40))
def test_every_integer_decodes_from_its_own_code(low: int, count: int) -> None:
    space = SearchSpace.from_config(leaf("int_uniform", low, low + count - 1))

    for value in range(low, low + count):
        assert space.decode(space.encode({"x": value})) == {"x": value}


@pytest.mark.parametrize("path", ["linear", "rate", "gamma"])
def test_the_bounds_themselves_are_reached_to_the_bit(path: str) -> None:
    space = SearchSpace.from_config(EVERY_KIND)
    bounds = {p.path: (p.min, p.max) for p in space.parameters}[path]

    assert (space.decode([0.0] * 7)[path], space.decode([1.0] * 7)[path]) == bounds


def test_categories_become_one_hot_columns_without_an_order() -> None:
    space = SearchSpace.from_config({"x": {"distribution": "categorical", "values": ["a", "b", "c"]}})

    features = space.features(np.array([space.encode({"x": value}) for value in "abc"]))

    assert features.tolist() == np.eye(3).tolist()
    assert space.feature_parameters == (0, 0, 0)


def test_the_size_of_a_space_of_discrete_parameters_is_the_number_of_its_configurations() -> None:
    discrete = {path: EVERY_KIND[path] for path in ("count", "batch", "name", "steps")}

    assert SearchSpace.from_config(discrete).size == 5 * 4 * 3 * 1000
    assert not SearchSpace.from_config(EVERY_KIND).is_finite


# ---------------------------------------------------------------------------------------------- validate


def centre_with(**changes: object) -> dict[str, Any]:
    return {**SearchSpace.from_config(EVERY_KIND).centre(), **changes}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (centre_with(linaer=1), "linaer: not a parameter of this space (did you mean linear?)"),
        ({"linear": 1}, "count: missing"),
        (centre_with(linear=4), "linear is 4: expected a number from -2 to 3"),
        (centre_with(linear=float("nan")), "linear is nan: expected a finite number"),
        (centre_with(count=2.5), "count is 2.5: expected a whole number"),
        (centre_with(count=True), "count is true: expected a number"),
        (centre_with(batch=96), "batch is 96: expected a power of two"),
        (centre_with(batch=32), "batch is 32: expected a number from 64 to 512"),
        (centre_with(steps=2.5), "steps is 2.5: expected a whole number"),
        (centre_with(rate="fast"), "rate is 'fast': expected a number"),
        (centre_with(name="sgd"), "name is 'sgd': expected one of 'adam', 'muon', 3"),
        (centre_with(name=None), "name is null"),
    ],
)
def test_params_that_do_not_fit_the_space_are_refused(params: Params, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        SearchSpace.from_config(EVERY_KIND).validate(params)

    assert message in str(raised.value)


def test_valid_params_come_back_in_the_space_s_order_and_types() -> None:
    space = SearchSpace.from_config(EVERY_KIND)
    written = dict(reversed(centre_with(linear=1, count=np.int64(2), batch=128.0, steps=1000.0).items()))

    params = space.validate(written)

    assert list(params) == list(space.paths)
    assert params["linear"] == 1.0
    assert type(params["linear"]) is float
    assert [type(params[path]) for path in ("count", "batch", "steps")] == [int, int, int]


def test_a_boolean_category_is_not_taken_for_a_number() -> None:
    space = SearchSpace.from_config({"x": {"distribution": "categorical", "values": [True, False]}})

    assert space.validate({"x": True}) == {"x": True}
    with pytest.raises(ConfigError, match="x is 1"):
        space.validate({"x": 1})
