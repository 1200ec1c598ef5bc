from __future__ import annotations

import json
import math

import numpy as np
import pytest

from shared.rl.spaces import BoxActions, DiscreteActions, Spaces, spaces_from_json, spaces_to_json


def test_actions_of_1_and_minus_1_become_the_bounds_and_no_action_exceeds_them() -> None:
    actions = BoxActions((2,), low=(0.0, -2.0), high=(10.0, 2.0))

    sent = actions.to_env(np.array([[-1, 1], [0, 0], [5, -5]]))

    assert sent.tolist() == [[0, 2], [5, 0], [10, -2]]
    assert sent.dtype == np.float32


def test_an_action_without_two_bounds_is_not_scaled() -> None:
    actions = BoxActions((2,), low=(-math.inf, 0.0), high=(math.inf, math.inf))

    assert actions.to_env(np.array([[-30, -1], [30, 4]])).tolist() == [[-30, 0], [30, 4]]


@pytest.mark.parametrize(
    "spaces",
    [
        Spaces((4,), DiscreteActions(3, start=-1)),
        Spaces((2, 3), BoxActions((1, 2), low=(-math.inf, 0.5), high=(1.0, math.inf), dtype="float64")),
    ],
)
def test_spaces_survive_json(spaces: Spaces) -> None:
    text = json.dumps(spaces_to_json(spaces), allow_nan=False)

    assert spaces_from_json(json.loads(text)) == spaces
