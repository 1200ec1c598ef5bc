"""Each distribution of W&B as one of ours: the same values, and a note where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.config.wandb_parameters import Converted, convert_parameters
from shared.domain.errors import ConfigError
from shared.domain.search_space import SearchSpace


def converted(**spec: Any) -> Converted:
    (one,) = convert_parameters({"x": spec})
    SearchSpace.from_config({"trainer": {"x": one.leaf}}, constraints=one.constraints)  # it can be searched
    return one


# The docstring of shared/config/wandb_parameters.py has the sources of these meanings.
@pytest.mark.parametrize(
    ("spec", "leaf"),
    [
        ({"value": 3}, {"distribution": "categorical", "values": [3]}),
        ({"distribution": "constant", "value": "a"}, {"distribution": "categorical", "values": ["a"]}),
        ({"values": ["adam", "sgd"]}, {"distribution": "categorical", "values": ["adam", "sgd"]}),
        ({"values": ["1e-5", 0.1]}, {"distribution": "categorical", "values": [1e-5, 0.1]}),
        ({"min": 1, "max": 8}, {"distribution": "int_uniform", "min": 1, "max": 8}),
        ({"min": 0, "max": 0.1}, {"distribution": "uniform", "min": 0, "max": 0.1}),
        ({"min": "1e-5", "max": 1}, {"distribution": "uniform", "min": 1e-5, "max": 1}),
        ({"distribution": "uniform", "min": 0, "max": 2}, {"distribution": "uniform", "min": 0, "max": 2}),
        ({"distribution": "int_uniform", "min": 2, "max": 9}, {"distribution": "int_uniform", "min": 2, "max": 9}),
        (
            {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1},
            {"distribution": "log_normal", "min": 1e-4, "max": 0.1},
        ),
        (
            {"distribution": "inv_log_uniform_values", "min": 0.01, "max": 1},
            {"distribution": "log_normal", "min": 0.01, "max": 1},
        ),
        ({"distribution": "q_uniform", "min": 1, "max": 9}, {"distribution": "int_uniform", "min": 1, "max": 9}),
        (
            {"distribution": "q_log_uniform_values", "min": 1, "max": 512},
            {"distribution": "log_normal", "min": 1, "max": 512, "is_integer": True},
        ),
        ({"distribution": "normal", "mu": 3, "sigma": 0}, {"distribution": "categorical", "values": [3.0]}),
    ],
)
def test_a_distribution_with_a_counterpart_becomes_it_without_a_note(spec: Any, leaf: Any) -> None:
    assert converted(**spec) == Converted("x", leaf)


def test_the_bounds_of_log_uniform_are_exponents() -> None:
    one = converted(distribution="log_uniform", min=-6.907755, max=0)

    assert one.leaf == {"distribution": "log_normal", "min": 0.001, "max": 1.0}
    assert one.notes == ("x: the bounds are exponents in W&B; here they are values, 0.001 to 1",)


def test_the_bounds_of_inv_log_uniform_are_exponents_of_the_inverse() -> None:
    assert converted(distribution="inv_log_uniform", min=0, max=6.907755).leaf == {
        "distribution": "log_normal",
        "min": 0.001,
        "max": 1.0,
    }


def test_a_log_uniform_that_was_given_values_is_refused_with_the_one_that_takes_them() -> None:
    with pytest.raises(ConfigError, match="write log_uniform_values if these are values"):
        converted(distribution="log_uniform", min=32, max=1024)


def test_a_normal_distribution_is_bounded_by_three_sigma() -> None:
    one = converted(distribution="normal", mu=1, sigma=0.1)

    assert one.leaf == {"distribution": "uniform", "min": 0.7, "max": 1.3}
    assert "has no bounds in W&B; here the bounds are 3 sigma to either side, 0.7 to 1.3" in one.notes[0]


def test_a_log_normal_distribution_is_bounded_by_three_sigma_of_the_logarithm() -> None:
    one = converted(distribution="log_normal", sigma=2.302585)  # mu is 0: e**-6.9 to e**6.9

    assert one.leaf == {"distribution": "log_normal", "min": 0.001, "max": 1000.0}
    assert len(one.notes) == 1


def test_whole_steps_are_kept_by_a_constraint_and_the_search_centre_meets_it() -> None:
    one = converted(distribution="q_uniform", q=16, min=20, max=250)  # W&B draws 16 to 256

    assert one.leaf == {"distribution": "int_uniform", "min": 16, "max": 256, "mean": 128}
    assert one.constraints == ("trainer.x % 16 == 0",)


def test_whole_steps_on_a_logarithm_are_kept_too() -> None:
    one = converted(distribution="q_log_uniform_values", q=8, min=32, max=256)

    assert one.leaf == {"distribution": "log_normal", "min": 32, "max": 256, "mean": 88, "is_integer": True}
    assert one.constraints == ("trainer.x % 8 == 0",)


@pytest.mark.parametrize("distribution", ["q_log_uniform", "q_log_normal"])
def test_a_logarithm_of_zero_is_left_out_with_a_note(distribution: str) -> None:
    one = converted(distribution=distribution, min=-2, max=3, mu=0, sigma=1)

    assert (one.leaf["min"], one.leaf["max"], one.leaf["is_integer"]) == (1, 20, True)
    assert any("W&B may draw 0, which has no logarithm: the smallest value here is 1" in note for note in one.notes)


def test_a_quantized_normal_distribution_has_whole_bounds() -> None:
    assert converted(distribution="q_normal", mu=10, sigma=2).leaf == {
        "distribution": "int_uniform",
        "min": 4,
        "max": 16,
    }


def test_steps_of_a_fraction_are_dropped_with_a_note() -> None:
    one = converted(distribution="q_uniform", q=0.05, min=0, max=1)

    assert one.leaf == {"distribution": "uniform", "min": 0, "max": 1}
    assert one.notes == ("x: steps of 0.05 are not kept: any number can be suggested",)


def test_steps_of_a_name_that_no_constraint_can_hold_are_dropped_with_a_note() -> None:
    (one,) = convert_parameters({"batch-size": {"distribution": "q_uniform", "q": 8, "min": 8, "max": 64}})

    assert one.constraints == ()
    assert "steps of 8 are not kept" in one.notes[0]


def test_a_range_with_one_multiple_is_a_constant() -> None:
    assert converted(distribution="q_uniform", q=10, min=8, max=12).leaf["values"] == [10]


def test_probabilities_are_dropped_with_a_note() -> None:
    one = converted(values=["a", "b"], probabilities=[0.9, 0.1])

    assert one.leaf == {"distribution": "categorical", "values": ["a", "b"]}
    assert one.notes == ("x: probabilities have no counterpart here: at the start no value is preferred",)


def test_values_that_are_no_plain_ones_become_the_text_that_an_argument_has() -> None:
    one = converted(values=[None, [64, 64], 1, True])

    assert one.leaf["values"] == ["None", "[64, 64]", 1]
    assert one.notes == (
        "x: null becomes the text 'None', as W&B writes it into an argument",
        "x: [64, 64] becomes the text '[64, 64]', as W&B writes it into an argument",
        "x: true is written twice or equals another value: it is one value here",
    )


def test_true_and_false_are_written_otherwise_and_a_note_says_so() -> None:
    assert converted(values=[True, False]).notes == ("x: arguments are true or false here, and True or False in W&B",)


def test_nested_parameters_get_dotted_names() -> None:
    nested = {"a": {"value": 1}, "b": {"parameters": {"c": {"parameters": {"d": {"value": 2}}}, "e": {"value": 3}}}}

    assert [one.name for one in convert_parameters(nested)] == ["a", "b.c.d", "b.e"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"distribution": "beta", "a": 1}, "x.distribution is 'beta': expected a distribution with a counterpart here"),
        ({"distribution": "q_beta"}, "x.distribution is 'q_beta': expected a distribution with a counterpart here"),
        ({"distribution": "unifrom", "min": 0, "max": 1}, "expected a distribution of W&B (did you mean uniform?)"),
        ({"min": 0}, "expected value, values, or min and max; add one of them"),
        ({"distribution": "uniform", "min": 0}, "x.max: missing; add max: NUMBER"),
        ({"min": 2, "max": 1}, "x.min is 2: expected less than max, which is 1"),
        ({"min": "low", "max": 1}, "x.min is 'low': expected a number"),
        ({"distribution": "int_uniform", "min": 0.5, "max": 2}, "x.min is 0.5: expected a whole number"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "x.min is 0: expected more than 0"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "x.q is 0: expected more than 0"),
        ({"distribution": "normal", "sigma": -1}, "x.sigma is -1: expected 0 or more"),
        ({"values": []}, "x.values is []: expected a list with at least one value"),
        ({"distribution": "constant"}, "x.value: missing"),
    ],
)
def test_what_cannot_be_carried_over_is_refused_with_its_name(spec: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        converted(**spec)

    assert said in str(caught.value)


def test_a_parameter_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(ConfigError, match="x is 3: expected value, values, or min and max below it"):
        list(convert_parameters({"x": 3}))
