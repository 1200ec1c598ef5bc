"""The axes of parameters."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.search_space import SearchSpace
from sweepctl.report.scales import Scale


def scale(**parameter: Any) -> Scale:
    return Scale(SearchSpace.from_config({"x": parameter}).parameters[0])


def test_a_log_scale_has_a_log_axis_with_powers_of_ten() -> None:
    found = scale(distribution="log_normal", min=1e-5, max=1e-1)

    assert (found.axis()["type"], found.axis()["dtick"]) == ("log", 1)
    assert found.at(1e-3) == 1e-3
    assert found.unit(1e-3) == pytest.approx(0.5)
    assert found.ends() == ("1e-05", "0.1")


def test_powers_of_two_are_named_on_a_log_axis() -> None:
    found = scale(distribution="uniform_pow2", min=16, max=128).axis()

    assert (found["type"], found["tickvals"], found["ticktext"]) == (
        "log",
        [16, 32, 64, 128],
        ["16", "32", "64", "128"],
    )


def test_a_logit_is_spread_near_one() -> None:
    found = scale(distribution="logit_normal", min=0.5, max=0.9999)

    assert found.axis()["ticktext"] == ["0.5", "0.9", "0.99", "0.999", "0.9999"]
    assert 0.0 < found.at(0.9) < found.at(0.99) < found.at(0.999) < 1.0


def test_categories_stand_one_apart_with_their_names_made_safe() -> None:
    found = scale(distribution="categorical", values=["<b>adam</b>", "sgd", True])

    assert found.at("sgd") == 1.0
    assert found.axis()["ticktext"] == ["&lt;b&gt;adam&lt;/b&gt;", "sgd", "True"]
    assert found.axis()["range"] == [-0.5, 2.5]


def test_a_linear_scale_has_a_linear_axis_with_room_beside_its_ends() -> None:
    low, high = scale(distribution="int_uniform", min=1, max=6).axis()["range"]

    assert low < 1
    assert high > 6
