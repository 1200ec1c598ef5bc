"""The methods that learn nothing: the whole space, nothing twice, and a replay."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from services.suggester.protein import GridSearch, RandomSearch, SobolSearch
from shared.domain.errors import ConfigError
from shared.domain.search_space import SearchSpace

Make = Callable[..., Any]
EACH = pytest.mark.parametrize("make", [RandomSearch, SobolSearch, partial(GridSearch, points=3)])


@EACH
def test_a_replay_from_the_memory_gives_the_same_suggestions(mixed: SearchSpace, make: Make) -> None:
    search = make(mixed, seed=7)
    first, *rest = search.suggest_many(5)
    fresh = make(mixed, seed=7)
    fresh.remember(json.loads(json.dumps(dict(first.memory))))

    assert fresh.suggest_many(4, pending=[first.params]) == rest


def test_two_seeds_give_two_streams_and_no_seed_is_kept_in_the_memory(mixed: SearchSpace) -> None:
    assert RandomSearch(mixed, seed=0).suggest() != RandomSearch(mixed, seed=1).suggest()

    unseeded = RandomSearch(mixed, seed=None)
    first = unseeded.suggest()
    fresh = RandomSearch(mixed, seed=None)
    fresh.remember(first.memory)

    assert fresh.suggest().params == unseeded.suggest().params


@EACH
def test_every_configuration_is_tried_once_before_one_is_repeated(six: SearchSpace, make: Make) -> None:
    search = make(six)
    observed = []
    for _ in range(3):
        observed.append(search.suggest().params)
        search.observe(observed[-1], 1.0, 1.0)
    running = search.suggest_many(3)

    assert len({tuple(p.values()) for p in observed + [s.params for s in running]}) == 6
    assert {s.source for s in running} == {search.name}
    again = search.suggest(pending=[s.params for s in running])
    assert again.source == "repeat"
    assert again.params in observed


def test_params_that_do_not_fit_are_refused(six: SearchSpace) -> None:
    with pytest.raises(ConfigError, match="n is 9"):
        RandomSearch(six).observe({"n": 9, "kind": "a"}, 1.0, 1.0)


def test_nothing_is_predicted(six: SearchSpace) -> None:
    suggestion = RandomSearch(six).suggest()

    assert (suggestion.predicted_score, suggestion.predicted_cost, suggestion.source) == (None, None, "random")


def test_a_sobol_search_leaves_no_part_of_the_space_empty() -> None:
    space = SearchSpace.from_config({"a": {"distribution": "uniform", "min": 0.0, "max": 1.0}})

    drawn = [suggestion.params["a"] for suggestion in SobolSearch(space, seed=3).suggest_many(16)]

    assert np.histogram(drawn, bins=8, range=(0, 1))[0].tolist() == [2] * 8


def test_a_grid_has_all_combinations_once_in_an_order_of_the_seed(mixed: SearchSpace) -> None:
    search = GridSearch(mixed, points=2, seed=1)

    suggested = [tuple(s.params.values()) for s in search.suggest_many(search.grid.size)]

    assert len(set(suggested)) == search.grid.size
    assert suggested != [
        tuple(s.params.values()) for s in GridSearch(mixed, points=2, seed=2).suggest_many(len(suggested))
    ]
