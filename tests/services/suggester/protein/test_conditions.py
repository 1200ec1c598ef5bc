"""Searching where some parameters mean nothing for some values of others."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from services.suggester.protein import GridSearch, Protein, RandomSearch, SobolSearch, Suggestion
from services.suggester.protein.acquisition import Acquisition
from services.suggester.protein.candidates import Cube, around, climb, everything
from services.suggester.protein.surrogate import Surrogate, log_prior
from shared.domain.parameter import key_of
from shared.domain.search_space import Params, SearchSpace

Make = Callable[..., Any]
BRANCHES: dict[str, Any] = {
    "kind": {"distribution": "categorical", "values": ["adam", "sgd", "muon"]},
    "beta": {"distribution": "uniform", "min": 0, "max": 1, "mean": 0.4, "when": {"kind": "adam"}},
    "momentum": {"distribution": "uniform", "min": 0, "max": 1, "when": {"kind": ["sgd", "muon"]}},
    "nesterov": {"distribution": "categorical", "values": [True, False], "when": {"kind": "sgd"}},
    "steps": {"distribution": "int_uniform", "min": 1, "max": 6, "mean": 3, "when": {"nesterov": True}},
    "rate": {"distribution": "log_normal", "min": 1e-4, "max": 1},
}
EACH = pytest.mark.parametrize(
    "make",
    [partial(Protein, settings={"num_random_samples": 4}), RandomSearch, SobolSearch, partial(GridSearch, points=3)],
)


@pytest.fixture
def branches() -> SearchSpace:
    """Three optimizers with parameters of their own, and one parameter for all."""
    return SearchSpace.from_config(BRANCHES)


@pytest.fixture
def four() -> SearchSpace:
    """Four configurations, of which two have the same values in the same order, at other paths."""
    bit = {"distribution": "int_uniform", "min": 0, "max": 1}
    return SearchSpace.from_config(
        {"left": {**bit, "when": {"side": 1}}, "side": bit, "right": {**bit, "when": {"side": 0}}}
    )


def score_of(params: Params) -> float:
    """The best is sgd with nesterov and a large momentum; each branch has a slope of its own."""
    rate = -((math.log10(float(params["rate"])) + 2) ** 2) / 4
    if params["kind"] == "adam":
        return rate - abs(float(params["beta"]) - 0.9)
    bonus = 0.5 - 0.1 * abs(float(params["steps"]) - 5) if params.get("nesterov") else 0.0
    return rate + bonus - (float(params["momentum"]) - 0.8) ** 2 - 0.3 * (params["kind"] == "muon")


def play(search: Any, n: int) -> list[Suggestion]:
    made: list[Suggestion] = []
    for _ in range(n):
        made += search.suggest_many(2)
        for suggestion in made[-2:]:
            search.observe(suggestion.params, score_of(suggestion.params), 1.0)
    return made


@EACH
def test_every_suggestion_holds_what_is_active_and_none_is_made_twice(branches: SearchSpace, make: Make) -> None:
    made = play(make(branches, seed=3), 8)

    assert all(branches.validate(s.params) == s.params for s in made)
    assert len({key_of(s.params) for s in made}) == 16
    assert len({s.params["kind"] for s in made}) > 1


@EACH
def test_a_replay_from_the_memory_gives_the_same_suggestions(branches: SearchSpace, make: Make) -> None:
    search = make(branches, seed=7)
    observed = [(s.params, score_of(s.params)) for s in play(search, 4)]
    first, *rest = search.suggest_many(3)
    fresh = make(branches, seed=7)
    for params, score in observed:
        fresh.observe(json.loads(json.dumps(params)), score, 1.0)
    fresh.remember(json.loads(json.dumps(dict(first.memory))))

    assert fresh.suggest_many(2, pending=[first.params]) == rest


@EACH
def test_a_small_space_is_tried_to_its_end_before_anything_is_repeated(four: SearchSpace, make: Make) -> None:
    search = make(four)
    made = []
    for number in range(4):
        made.append(search.suggest())
        search.observe(made[-1].params, float(number), 1.0)

    assert len({key_of(s.params) for s in made}) == 4
    assert "repeat" not in {s.source for s in made}
    assert search.suggest().source == "repeat"


def test_everything_lists_each_configuration_once(four: SearchSpace) -> None:
    listed = [four.decode(unit) for unit in everything(four)]

    assert len({key_of(params) for params in listed}) == len(listed) == four.size == 4


def test_runs_that_differ_in_inactive_parameters_alone_are_one(four: SearchSpace) -> None:
    protein = Protein(four)
    for side, other in ((0, "left"), (1, "right")):
        for value in (0, 1):
            own = {0: "right", 1: "left"}[side]
            protein.observe({"side": side, own: value, other: 77}, 1.0, 1.0)

    assert protein.suggest().source == "repeat"
    assert protein.suggest(pending=[{"side": 0, "right": 0, "left": None}]).params != {"side": 0, "right": 0}


def test_the_climb_leaves_inactive_parameters_alone_and_ends_higher(branches: SearchSpace) -> None:
    cube, rng = Cube(branches), np.random.default_rng(0)
    units = branches.snap(rng.random((25, len(branches))))
    losses = np.array([-score_of(branches.decode(unit)) for unit in units])
    acquisition = Acquisition(
        Surrogate(cube.features(units), cube.owners, losses, log_prior(cube.owners).mean), losses.min()
    )
    starts = branches.snap(rng.random((30, len(branches))))

    ends = climb(cube, acquisition, starts, steps=20)

    assert branches.snap(ends) == pytest.approx(ends, abs=1e-12)
    before, after = acquisition(cube.features(starts)), acquisition(cube.features(ends))
    assert (after >= before - 1e-9).all()
    assert {branches.decode(end)["kind"] for end in ends} < {branches.decode(start)["kind"] for start in starts}


def test_candidates_around_a_point_are_never_that_point(branches: SearchSpace) -> None:
    centre = branches.encode(branches.centre())

    units = around(Cube(branches), np.random.default_rng(0), centre[None], each=400, scale=1.0)

    assert len(units) > 200
    assert (units != centre).any(axis=1).all()
    assert (branches.snap(units) == units).all()


@pytest.mark.parametrize("path", ["steps", "length"])
def test_a_cost_param_may_be_conditional_or_decide_for_others(path: str) -> None:
    length = {"distribution": "int_uniform", "min": 1, "max": 9}
    parameters = {
        "kind": {"distribution": "categorical", "values": ["a", "b"]},
        "length": length,
        "steps": {**length, "when": {"kind": "b"}},
        "warmup": {"distribution": "uniform", "min": 0, "max": 1, "when": {"length": [1, 2, 3]}},
    }
    protein = Protein(SearchSpace.from_config(parameters), settings={"cost_param": path, "num_random_samples": 3})

    for _ in range(8):
        params = protein.suggest().params
        assert protein.space.validate(params) == params
        protein.observe(params, float(params["length"]), float(params["length"]) + float(params.get("steps", 0)))

    assert Protein(protein.space, settings={"cost_param": "length"}).suggest().params.keys() == {
        "kind",
        "length",
        "warmup",
    }


def test_with_constraints_on_inactive_parameters_every_suggestion_is_allowed() -> None:
    space = SearchSpace.from_config(BRANCHES, constraints=["momentum + beta < 1", "steps != 3"], fixed={"beta": 0.3})

    made = play(Protein(space, settings={"num_random_samples": 3}), 7)

    assert all(float(s.params.get("momentum", 0)) < 0.7 and s.params.get("steps") != 3 for s in made)


@pytest.mark.slow
def test_the_search_finds_the_best_branch_and_its_values(branches: SearchSpace) -> None:
    rng = np.random.default_rng(0)
    drawn = [max(score_of(branches.sample_uniform(rng)) for _ in range(36)) for _ in range(40)]

    found = max(score_of(s.params) for s in play(Protein(branches), 18))

    assert found > np.quantile(drawn, 0.95)
