"""The combinations of a grid."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.errors import ConfigError
from shared.domain.grid import Grid
from shared.domain.search_space import SearchSpace

SPACE: dict[str, Any] = {
    "rate": {"distribution": "log_normal", "min": 0.001, "max": 0.1, "mean": 0.01, "scale": 0.5},
    "size": {"distribution": "uniform_pow2", "min": 16, "max": 32, "mean": 16, "scale": 0.5},
    "kind": {"distribution": "categorical", "values": ["a", "b", "c"]},
    "layers": {"distribution": "int_uniform", "min": 1, "max": 9, "mean": 3, "scale": 0.5},
}


def test_continuous_values_are_even_on_their_scale_and_discrete_ones_are_all_there() -> None:
    grid = Grid(SearchSpace.from_config(SPACE), points=3)

    assert grid.axes["rate"] == pytest.approx([0.001, 0.01, 0.1])
    assert grid.axes["size"] == [16, 32]
    assert grid.axes["kind"] == ["a", "b", "c"]
    assert grid.axes["layers"] == [1, 5, 9]
    assert grid.size == 3 * 2 * 3 * 3


def test_each_number_is_another_combination_with_the_last_parameter_the_fastest() -> None:
    grid = Grid(SearchSpace.from_config(SPACE), points=3)

    assert [grid[number]["layers"] for number in range(4)] == [1, 5, 9, 1]
    assert len({tuple(grid[number].values()) for number in range(grid.size)}) == grid.size
    assert list(grid[0]) == list(SPACE)


def test_a_grid_that_is_too_large_or_empty_is_refused_with_the_remedy() -> None:
    space = SearchSpace.from_config({f"x{i}": {"distribution": "uniform", "min": 0.0, "max": 1.0} for i in range(9)})

    with pytest.raises(ConfigError, match="has 1953125 combinations, more than 1000000: set fewer points"):
        Grid(space, points=5)
