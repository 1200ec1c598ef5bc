from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from services.evaluator.episodes import TooSlow, play_suite
from shared.config.schema import SimConfig
from shared.domain.errors import ConfigError, NotFound
from shared.rl.checkpoint import PolicyCheckpoint, save_checkpoint
from shared.rl.envs import Environments
from shared.rl.policy import Policy


class Lottery(gymnasium.Env[Any, Any]):
    """An episode lasts 1 or 9 steps, drawn at its reset, and earns `reward` a step."""

    observation_space = gymnasium.spaces.Box(-10, 10, (4,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, *, reward: float = 1.0, endless: bool = False) -> None:
        self.reward, self.endless = reward, endless

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = int(self.np_random.choice([1, 9]))
        return np.zeros(4, dtype=np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return np.zeros(4, dtype=np.float32), self.reward, self.left == 0 and not self.endless, False, {}


@pytest.fixture(autouse=True)
def lottery() -> Iterator[None]:
    gymnasium.register("Lottery-v0", entry_point=lambda **kwargs: Lottery(**kwargs))
    yield
    del gymnasium.registry["Lottery-v0"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A policy that has learnt nothing about CartPole."""
    envs = Environments("CartPole-v1", 1)
    policy = Policy(envs.spaces, (8,))
    policy.initialize(torch.Generator().manual_seed(0))
    save_checkpoint(tmp_path / "checkpoint", PolicyCheckpoint(policy, "CartPole-v1", 100))
    return tmp_path / "checkpoint"


def a_suite(**settings: Any) -> SimConfig:
    return SimConfig.model_validate({"simulations": {"cartpole": {"env": "CartPole-v1"}}, **settings})


def clockless(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name != "total_time"}


def test_each_simulation_is_scored_and_the_reward_is_their_mean(checkpoint: Path) -> None:
    simulations = {
        "poor": {"env": "Lottery-v0", "num_episodes": 3},
        "rich": {"env": "Lottery-v0", "env_kwargs": {"reward": 10.0}},
    }

    metrics = play_suite(checkpoint, a_suite(num_episodes=5, simulations=simulations))

    assert metrics["poor/episodes"] == 3
    assert metrics["rich/episodes"] == 5
    assert metrics["rich/reward"] == pytest.approx(10 * metrics["rich/episode_length"])
    assert metrics["reward"] == pytest.approx((metrics["poor/reward"] + metrics["rich/reward"]) / 2)
    assert metrics["rich/reward_std"] >= 0
    assert metrics["total_time"] > 0
    assert "poor/truncated_by_time" not in metrics


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_same_suite_gives_the_same_metrics(checkpoint: Path, deterministic: bool) -> None:
    suite = a_suite(deterministic=deterministic)

    assert clockless(play_suite(checkpoint, suite)) == clockless(play_suite(checkpoint, suite))


def test_the_suites_seed_decides_the_episodes(checkpoint: Path) -> None:
    first, other = (play_suite(checkpoint, a_suite(seed=seed, deterministic=False)) for seed in (0, 1))

    assert first["reward"] != other["reward"]


def test_sampled_actions_differ_from_the_most_probable_ones(checkpoint: Path) -> None:
    sampled, best = (play_suite(checkpoint, a_suite(deterministic=choice)) for choice in (False, True))

    assert sampled["reward"] != best["reward"]


def test_short_episodes_are_not_preferred(checkpoint: Path) -> None:
    """More episodes than environments: by the first to end, short ones would be three quarters and more."""
    suite = a_suite(num_episodes=1000, simulations={"lottery": {"env": "Lottery-v0"}})

    metrics = play_suite(checkpoint, suite)

    assert metrics["lottery/episodes"] == 1000
    assert metrics["lottery/reward"] == pytest.approx(5, abs=0.5)  # five standard errors of 4 / sqrt(1000)


def test_what_was_finished_counts_where_the_time_is_up(checkpoint: Path) -> None:
    suite = a_suite(num_episodes=10**6, max_time_s=0.3, simulations={"lottery": {"env": "Lottery-v0"}})

    metrics = play_suite(checkpoint, suite)

    assert metrics["lottery/truncated_by_time"] == 1
    assert 0 < metrics["lottery/episodes"] < 10**6


def test_no_finished_episode_is_an_error_with_a_remedy(checkpoint: Path) -> None:
    endless = {"env": "Lottery-v0", "env_kwargs": {"endless": True}, "max_time_s": 0.1}

    with pytest.raises(TooSlow, match=r"endless.*raise max_time_s"):
        play_suite(checkpoint, a_suite(simulations={"endless": endless}))


def test_an_environment_that_does_not_fit_the_policy_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match=r"swing.*trained on CartPole-v1"):
        play_suite(checkpoint, a_suite(simulations={"swing": {"env": "Pendulum-v1"}}))


def test_a_suite_without_simulations_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="at least one environment"):
        play_suite(checkpoint, a_suite(simulations={}))


def test_a_missing_checkpoint_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        play_suite(tmp_path / "nothing", a_suite())


def test_a_caller_sees_the_progress_and_can_stop_the_play(checkpoint: Path) -> None:
    seen: list[tuple[str, int]] = []

    def watch(name: str, finished: int) -> None:
        seen.append((name, finished))
        if finished:
            raise KeyboardInterrupt

    endless = {"env": "Lottery-v0", "num_episodes": 10**6}
    with pytest.raises(KeyboardInterrupt):
        play_suite(checkpoint, a_suite(simulations={"lottery": endless}), on_progress=watch)

    assert seen[0] == ("lottery", 0)
    assert seen[-1][1] > 0
