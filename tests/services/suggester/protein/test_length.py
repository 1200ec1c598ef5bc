"""The parameter that stretches a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from services.suggester.protein.candidates import Cube
from services.suggester.protein.length import Length
from shared.domain.search_space import SearchSpace

LINEAR = [
    {"distribution": "uniform", "min": 1, "max": 100},
    {"distribution": "int_uniform", "min": 1, "max": 100},
]
LOGARITHMIC = [
    {"distribution": "log_normal", "min": 1, "max": 100},
    {"distribution": "uniform_pow2", "min": 1, "max": 128},
]
NO_LENGTH = [
    {"distribution": "uniform", "min": 0, "max": 1},
    {"distribution": "int_uniform", "min": 0, "max": 10},
    {"distribution": "logit_normal", "min": 0.8, "max": 0.99},
]


def kind(length: dict[str, Any]) -> str:
    return str(length["distribution"])


def a_cube(length: dict[str, Any]) -> Cube:
    width = {"distribution": "uniform", "min": 0, "max": 1}
    return Cube(SearchSpace.from_config({"width": width, "length": length}), "length")


def length_of(cube: Cube) -> Length:
    assert cube.length is not None
    return cube.length


def place_of(cube: Cube, length: float) -> float:
    params = cube.space.validate({"width": 0.5, "length": length})
    return float(cube.features(cube.space.encode(params)[None])[0, 1])


@pytest.mark.parametrize("length", LINEAR, ids=kind)
def test_a_length_on_a_linear_scale_is_seen_on_the_logarithm(length: dict[str, Any]) -> None:
    cube = a_cube(length)

    assert [place_of(cube, value) for value in (1, 10, 100)] == pytest.approx([0.0, 0.5, 1.0])


@pytest.mark.parametrize("length", LOGARITHMIC, ids=kind)
def test_one_on_a_logarithmic_scale_stays_where_it_is(length: dict[str, Any]) -> None:
    cube = a_cube(length)

    assert place_of(cube, 8) == cube.space.encode({"width": 0.5, "length": 8})[1]


@pytest.mark.parametrize("length", LINEAR + LOGARITHMIC + NO_LENGTH, ids=kind)
def test_a_place_and_its_unit_are_two_names_of_one_length(length: dict[str, Any]) -> None:
    known = length_of(a_cube(length))
    units = np.linspace(0.05, 1.0, 20)

    assert known.units(known.places(units)) == pytest.approx(units)


@pytest.mark.parametrize("length", NO_LENGTH, ids=kind)
def test_what_begins_at_zero_or_is_a_logit_has_places_and_no_factor_of_the_cost(length: dict[str, Any]) -> None:
    known = length_of(a_cube(length))

    assert known.span == 0
    assert list(known.places(np.array([0.25, 0.75]))) == [0.25, 0.75]


@pytest.mark.parametrize("values", [["short", "long"], [5]])
def test_a_category_and_a_constant_stretch_nothing(values: list[Any]) -> None:
    assert a_cube({"distribution": "categorical", "values": values}).length is None


def test_a_continuous_length_that_climbed_is_moved_to_its_unit() -> None:
    cube = a_cube(LINEAR[0])

    (moved,) = cube.moved(np.array([[0.2, 0.9]]), np.array([[0.6, 0.5]]))

    assert cube.space.decode(moved) == pytest.approx({"width": 0.6, "length": 10.0})
