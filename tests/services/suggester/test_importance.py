"""Which parameters matter, where the answer is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from services.suggester.importance import importance
from shared.config.protein import ProteinSettings
from shared.domain.importance import Importance
from shared.domain.run import Run, RunState
from shared.domain.search_space import SearchSpace

if TYPE_CHECKING:
    from tests.conftest import ARun

UNIFORM = {"distribution": "uniform", "min": 0.0, "max": 1.0}
SETTINGS = ProteinSettings.from_config({})


def observed(a_run: ARun, space: SearchSpace, score: Any, *, many: int) -> list[Run]:
    rng = np.random.default_rng(0)
    draws = [space.sample_uniform(rng) for _ in range(many)]
    return [
        a_run(RunState.OBSERVED, number=n, params=params, score=float(score(params)))
        for n, params in enumerate(draws, start=1)
    ]


def test_the_indices_are_those_of_a_sum_whose_variance_is_known(a_run: ARun) -> None:
    space = SearchSpace.from_config({"a": UNIFORM, "b": UNIFORM, "c": UNIFORM})
    runs = observed(a_run, space, lambda p: 4 * p["a"] + 2 * p["b"], many=60)

    found = importance(runs, space, SETTINGS)

    assert found.indices["a"] == pytest.approx(0.8, abs=0.03)  # 16 of 16 + 4
    assert found.indices["b"] == pytest.approx(0.2, abs=0.03)
    assert found.indices["c"] == pytest.approx(0.0, abs=0.01)
    assert found.explained is not None
    assert found.explained > 0.95


def test_two_parameters_that_only_work_together_both_matter_wholly(a_run: ARun) -> None:
    space = SearchSpace.from_config({"a": UNIFORM, "b": UNIFORM})
    runs = observed(a_run, space, lambda p: (p["a"] - 0.5) * (p["b"] - 0.5), many=80)

    found = importance(runs, space, SETTINGS)

    assert min(found.indices.values()) > 0.8


def test_a_score_that_is_noise_alone_is_said_to_be_unexplained(a_run: ARun) -> None:
    space = SearchSpace.from_config({"a": UNIFORM, "b": UNIFORM})
    rng = np.random.default_rng(1)
    runs = observed(a_run, space, lambda _: rng.normal(), many=40)

    found = importance(runs, space, SETTINGS)

    assert found.explained is not None
    assert found.explained < 0.3


def test_categories_conditions_and_constants_have_an_index_each_or_none(a_run: ARun) -> None:
    space = SearchSpace.from_config(
        {
            "kind": {"distribution": "categorical", "values": ["p", "q"]},
            "x": {**UNIFORM, "when": {"kind": "p"}},
            "one": {"distribution": "categorical", "values": ["only"]},
        }
    )
    runs = observed(a_run, space, lambda p: math.sin(3 * p.get("x", 0.0)) + (p["kind"] == "q"), many=50)

    found = importance(runs, space, SETTINGS)

    assert list(found.indices) == ["kind", "x"]
    assert min(found.indices.values()) > 0.1


@pytest.mark.parametrize("many", [0, 1, 9])
def test_too_few_runs_have_no_indices_and_say_how_many_are_wanted(a_run: ARun, many: int) -> None:
    space = SearchSpace.from_config({"a": UNIFORM})

    assert importance(observed(a_run, space, lambda p: p["a"], many=many), space, SETTINGS) == Importance(many, 10)


def test_runs_that_all_score_the_same_have_no_indices(a_run: ARun) -> None:
    space = SearchSpace.from_config({"a": UNIFORM})

    assert importance(observed(a_run, space, lambda _: 5, many=30), space, SETTINGS).indices == {}


def test_the_same_runs_have_the_same_indices(a_run: ARun) -> None:
    space = SearchSpace.from_config({"a": UNIFORM, "b": UNIFORM})
    runs = observed(a_run, space, lambda p: p["a"], many=30)

    assert importance(runs, space, SETTINGS) == importance(runs, space, SETTINGS)
