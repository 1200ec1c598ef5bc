"""What Protein says about settings that do not fit its search space."""

from __future__ import annotations

import pytest

from services.suggester.protein import Protein
from shared.domain.errors import ConfigError
from shared.domain.search_space import SearchSpace
from tests.shared.config.test_protein import PUFFER


def test_a_cost_param_that_is_not_swept_is_noted() -> None:
    space = SearchSpace.from_config({"x": {"distribution": "uniform", "min": 0, "max": 1}})

    assert "train.total_timesteps is not a parameter" in Protein(space, settings=PUFFER).notes[-1]
    assert Protein(space, settings={"cost_param": "x"}).notes == ()


def test_a_goal_that_is_neither_maximize_nor_minimize_is_refused() -> None:
    space = SearchSpace.from_config({"x": {"distribution": "uniform", "min": 0, "max": 1}})

    with pytest.raises(ConfigError, match="goal is 'max': expected maximize or minimize"):
        Protein(space, goal="max")
