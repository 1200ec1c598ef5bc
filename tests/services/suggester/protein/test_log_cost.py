"""The cost of a run that is longer than any observed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.suggester.protein import Protein
from services.suggester.protein.candidates import Cube
from services.suggester.protein.fitting import Evidence, surrogate
from services.suggester.protein.log_cost import LogCost
from services.suggester.protein.observations import Observations
from shared.domain.search_space import SearchSpace

pytestmark = pytest.mark.slow

LENGTHS = [
    {"distribution": "log_normal", "min": 1e6, "max": 1e8},
    {"distribution": "uniform", "min": 1, "max": 100},
    {"distribution": "int_uniform", "min": 1, "max": 100},
    {"distribution": "uniform_pow2", "min": 1, "max": 128},
]


def a_space(length: dict[str, object]) -> SearchSpace:
    return SearchSpace.from_config({"width": {"distribution": "uniform", "min": 0, "max": 1}, "length": length})


def fitted(space: SearchSpace, path: str | None, shortest: float) -> LogCost:
    """The prediction of cost after four of the shortest runs, which cost their length by the width."""
    cube, observations = Cube(space, path), Observations()
    for width in (0.1, 0.4, 0.6, 0.9):
        params = space.validate({"width": width, "length": shortest})
        observations.add(params, space.encode(params), loss=width, cost=shortest * (1 + width))
    data = Evidence.of(observations, cube, most=100).cost
    rate = surrogate(data, cube, None)
    assert data is not None
    assert rate is not None
    return LogCost(rate, data.standard, cube)


def predicted(space: SearchSpace, path: str | None, shortest: float, params: dict[str, float]) -> float:
    cost = fitted(space, path, shortest)
    return float(cost.mean(cost.cube.features(space.encode(space.validate(params))[None]))[0])


@pytest.mark.parametrize("length", LENGTHS, ids=lambda length: str(length["distribution"]))
def test_a_run_longer_than_any_observed_is_predicted_to_cost_its_length(length: dict[str, object]) -> None:
    space, shortest = a_space(length), float(str(length["min"]))
    long = {"width": 0.5, "length": 64 * shortest}

    known, unknown = (predicted(space, path, shortest, long) for path in ("length", None))

    assert known == pytest.approx(math.log(96 * shortest), abs=0.5)
    assert unknown < math.log(4 * shortest)


@pytest.mark.parametrize("length", LENGTHS, ids=lambda length: str(length["distribution"]))
def test_the_gradient_of_the_log_cost_is_its_slope(length: dict[str, object]) -> None:
    cost, features = fitted(a_space(length), "length", float(str(length["min"]))), np.array([[0.3, 0.2], [0.5, 0.9]])

    mean, gradient = cost.mean_with_gradient(features)

    assert mean == pytest.approx(cost.mean(features))
    for column in range(2):
        step = 1e-6 * (np.arange(2) == column)
        slope = (cost.mean(features + step) - cost.mean(features - step)) / 2e-6
        assert gradient[:, column] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize(
    "length",
    [
        {"distribution": "int_uniform", "min": 0, "max": 10},
        {"distribution": "logit_normal", "min": 0.8, "max": 0.99},
        {"distribution": "categorical", "values": ["short", "long"]},
    ],
    ids=lambda length: str(length["distribution"]),
)
def test_what_is_no_length_is_no_factor_of_the_cost(length: dict[str, object]) -> None:
    cube = Cube(a_space(length), "length")

    known, gradient = cube.log_length(cube.features(np.array([[0.5, 0.5]])))

    assert (known == 0).all()
    assert (gradient == 0).all()


def test_a_batch_does_not_crowd_around_its_own_best_guess() -> None:
    line = SearchSpace.from_config({"x": {"distribution": "uniform", "min": 0, "max": 1}})
    protein = Protein(line, settings={"cost_aware": False})
    for x in (0.1, 0.3, 0.5, 0.7):
        protein.observe({"x": x}, x, 1.0)
    protein.remember({"n": 5})

    first, second = (float(s.params["x"]) for s in protein.suggest_many(2))

    assert abs(first - second) > 0.05


def test_long_runs_come_after_short_ones_so_that_none_eats_the_budget() -> None:
    space, costs = a_space({"distribution": "log_normal", "min": 1, "max": 10_000}), []
    protein = Protein(space, settings={"cost_param": "length"})

    for _ in range(30):
        params = protein.suggest().params
        costs.append(float(params["length"]))
        protein.observe(params, math.log(costs[-1]) - abs(float(params["width"]) - 0.3), costs[-1])

    limits = [max(0.1 * sum(costs[:i]), 2.5 * float(np.median(costs[:i]))) for i in range(5, 30)]
    assert (np.array(costs[5:]) <= limits).all()
    assert max(costs[20:]) > max(costs[:5])


def test_where_runs_cost_alike_none_is_barred() -> None:
    space = SearchSpace.from_config({"x": {"distribution": "uniform", "min": 0, "max": 1}})
    protein = Protein(space)

    made = []
    for _ in range(12):
        made.append(protein.suggest())
        x = float(made[-1].params["x"])
        protein.observe(made[-1].params, -((x - 0.9) ** 2), 10 + x)

    assert "cheapest" not in {s.source for s in made}
    assert min(abs(float(s.params["x"]) - 0.9) for s in made) < 0.05
