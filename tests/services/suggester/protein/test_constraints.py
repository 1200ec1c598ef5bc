"""No method suggests what the constraints of its space forbid."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from services.suggester.protein import GridSearch, Protein, RandomSearch, SobolSearch
from shared.domain.search_space import SearchSpace


@pytest.fixture
def space() -> SearchSpace:
    """Sizes that must divide, of which the centre's do not; a twelfth of the space is left."""
    parameters: dict[str, Any] = {
        "rate": {"distribution": "uniform", "min": 0.0, "max": 1.0},
        "batch": {"distribution": "int_uniform", "min": 1, "max": 60, "mean": 31},
        "mini": {"distribution": "int_uniform", "min": 2, "max": 30, "mean": 16},
    }
    return SearchSpace.from_config(parameters, constraints=["batch % mini == 0", "rate < 0.9"])


@pytest.mark.parametrize(
    "make",
    [partial(Protein, settings={"num_random_samples": 4}), RandomSearch, SobolSearch, partial(GridSearch, points=12)],
)
def test_every_suggestion_meets_the_constraints(space: SearchSpace, make: Callable[..., Any]) -> None:
    search = make(space, seed=2)

    for _ in range(12):
        suggestion, other = search.suggest_many(2)
        for params in (suggestion.params, other.params):
            assert space.allows(params), (suggestion.source, params)
        score = -((suggestion.params["rate"] - 0.95) ** 2) + suggestion.params["batch"] / 60
        search.observe(suggestion.params, score, 1.0)


def test_a_grid_has_only_what_the_constraints_allow(space: SearchSpace) -> None:
    search = GridSearch(space, points=3)

    assert search.grid.size == sum(space.allows(search.grid[number]) for number in range(search.grid.size)) > 0
