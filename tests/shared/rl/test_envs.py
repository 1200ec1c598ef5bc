from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from shared.domain.errors import ConfigError
from shared.rl.envs import Environments

USERS_MODULE = """
import gymnasium, numpy

class Corridor(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 10, (2, 3), numpy.float64)
    action_space = gymnasium.spaces.Discrete(3, start=-1)

    def __init__(self, width=1):
        self.width = width

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return numpy.full((2, 3), float(self.width)), {}

    def step(self, action):
        assert action in (-1, 0, 1), action
        return numpy.zeros((2, 3)), float(action), False, False, {}

gymnasium.register("Corridor-v0", entry_point=Corridor)
"""


@pytest.fixture
def unregister() -> Iterator[None]:
    before = set(gymnasium.registry)
    yield
    for name in set(gymnasium.registry) - before:
        del gymnasium.registry[name]


def test_every_autoreset_mode_gives_the_same_experience(counting_env: str) -> None:
    envs = Environments(counting_env, 2)
    obs, seen = envs.reset(0), []

    for _ in range(12):
        step = envs.step(np.zeros(2, dtype=np.int64))
        for env in np.flatnonzero(~step.is_autoreset):
            seen.append((env, obs[env, 1], step.rewards[env], step.truncated[env], step.final_obs[env, 1]))
        obs = step.obs

    of_first = [experience[1:] for experience in seen if experience[0] == 0][:4]
    of_second = [experience[1:] for experience in seen if experience[0] == 1][:6]
    assert of_first == [(0, 1, False, 1), (1, 1, True, 2)] * 2
    assert of_second == [(0, 1, False, 1), (1, 1, False, 2), (2, 1, True, 3)] * 2


def test_an_environment_with_its_own_vectorized_form_is_not_copied() -> None:
    single = gymnasium.spec("CartPole-v1")
    try:
        single.entry_point, kept = None, single.entry_point  # a copy could not be made
        assert Environments("CartPole-v1", 3).reset(0).shape == (3, 4)
    finally:
        single.entry_point = kept


def test_an_environment_without_a_vectorized_form_is_copied() -> None:
    envs = Environments("Pendulum-v1", 2)

    envs.reset(0)
    step = envs.step(np.zeros((2, 1), dtype=np.float32))

    assert step.obs.shape == (2, 3)
    assert step.obs.dtype == np.float32
    envs.close()


def test_the_steps_after_a_reset_depend_only_on_its_seed() -> None:
    envs = Environments("CartPole-v1", 4)

    first = envs.reset(7)
    envs.step(np.ones(4, dtype=np.int64))
    again = envs.reset(7)

    assert np.array_equal(first, again)
    assert not np.array_equal(first, envs.reset(8))


@pytest.mark.usefixtures("unregister")
def test_a_users_environment_is_named_by_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corridor_envs.py").write_text(USERS_MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    envs = Environments("corridor_envs:Corridor-v0", 2, {"width": 5})

    assert envs.reset(0).tolist() == [[5.0] * 6] * 2  # (2, 3) observations, flattened
    assert envs.step(np.array([0, 2])).rewards.tolist() == [-1, 1]  # its actions start at -1
    envs.close()


@pytest.mark.parametrize(
    ("env_id", "kwargs", "remedy"),
    [
        ("CartPol-v1", {}, "Did you mean"),
        ("CartPole-v9", {}, "CartPole"),
        ("no_such_module:Env-v0", {}, "install it"),
        ("a:b:Env-v0", {}, "one colon|cannot be imported"),
        ("CartPole-v1", {"gravitation": 3}, "gravitation"),
        ("Pendulum-v1", {"gravitation": 3}, "gravitation"),
    ],
)
def test_the_error_for_an_environment_that_cannot_be_made_has_the_reason(
    env_id: str, kwargs: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(ConfigError, match=remedy):
        Environments(env_id, 2, kwargs)


class Odd(gymnasium.Env[Any, Any]):
    def __init__(self, observation_space: Any, action_space: Any) -> None:
        self.observation_space, self.action_space = observation_space, action_space


@pytest.mark.usefixtures("unregister")
@pytest.mark.parametrize(
    ("obs_space", "action_space", "remedy"),
    [
        (gymnasium.spaces.Discrete(3), gymnasium.spaces.Discrete(2), "FlattenObservation"),
        (gymnasium.spaces.Box(0, 1), gymnasium.spaces.MultiDiscrete([2, 2]), "kind=function"),
        (gymnasium.spaces.Box(0, 1), gymnasium.spaces.Box(0, 9, (2,), np.int64), "kind=function"),
    ],
)
def test_spaces_that_the_policy_does_not_support_are_refused(obs_space: Any, action_space: Any, remedy: str) -> None:
    gymnasium.register("Odd-v0", entry_point=lambda **kwargs: Odd(**kwargs))

    with pytest.raises(ConfigError, match=remedy):
        Environments("Odd-v0", 2, {"observation_space": obs_space, "action_space": action_space})
