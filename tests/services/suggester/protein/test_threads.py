"""Suggestions are the same with any number of threads: a log of a large machine is replayed on a small one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from services.suggester.protein import Protein
from shared.domain.search_space import Params, SearchSpace


@pytest.fixture(params=[1, 2, 4])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def expected() -> list[Params]:
    """Return the suggestions with one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    suggested = searched()
    torch.set_num_threads(before)
    return suggested


def test_suggestions_do_not_depend_on_the_number_of_threads(threads: int, expected: list[Params]) -> None:
    assert searched() == expected
    assert torch.get_num_threads() == threads, "it is restored"


def searched() -> list[Params]:
    """Return 24 suggestions in 8 dimensions, the last 4 from surrogates: with several threads they once differed."""
    space = SearchSpace.from_config({f"x{i}": {"distribution": "uniform", "min": 0, "max": 1} for i in range(8)})
    protein = Protein(space, seed=3, settings={"num_random_samples": 20})
    made = []
    for _ in range(24):
        params = protein.suggest().params
        made.append(params)
        protein.observe(params, -sum((float(x) - 0.3) ** 2 for x in params.values()), 1.0 + float(params["x0"]))
    return made
