"""`method: random`: the whole space, nothing twice, and a replay."""

from __future__ import annotations

import json

import pytest

from services.suggester.protein import RandomSearch
from shared.domain.errors import ConfigError
from shared.domain.search_space import SearchSpace


def test_a_replay_from_the_memory_gives_the_same_suggestions(mixed: SearchSpace) -> None:
    search = RandomSearch(mixed, seed=7)
    first, *rest = search.suggest_many(5)
    fresh = RandomSearch(mixed, seed=7)
    fresh.remember(json.loads(json.dumps(dict(first.memory))))

    assert fresh.suggest_many(4, pending=[first.params]) == rest


def test_two_seeds_give_two_streams_and_no_seed_is_kept_in_the_memory(mixed: SearchSpace) -> None:
    assert RandomSearch(mixed, seed=0).suggest() != RandomSearch(mixed, seed=1).suggest()

    unseeded = RandomSearch(mixed, seed=None)
    first = unseeded.suggest()
    fresh = RandomSearch(mixed, seed=None)
    fresh.remember(first.memory)

    assert fresh.suggest().params == unseeded.suggest().params


def test_every_configuration_is_tried_once_before_one_is_repeated(six: SearchSpace) -> None:
    search = RandomSearch(six)
    observed = []
    for _ in range(3):
        observed.append(search.suggest().params)
        search.observe(observed[-1], 1.0, 1.0)
    running = search.suggest_many(3)

    assert len({tuple(p.values()) for p in observed + [s.params for s in running]}) == 6
    assert {s.source for s in running} == {"random"}
    again = search.suggest(pending=[s.params for s in running])
    assert again.source == "repeat"
    assert again.params in observed


def test_params_that_do_not_fit_are_refused(six: SearchSpace) -> None:
    with pytest.raises(ConfigError, match="n is 9"):
        RandomSearch(six).observe({"n": 9, "kind": "a"}, 1.0, 1.0)


def test_nothing_is_predicted(six: SearchSpace) -> None:
    suggestion = RandomSearch(six).suggest()

    assert (suggestion.predicted_score, suggestion.predicted_cost, suggestion.source) == (None, None, "random")
