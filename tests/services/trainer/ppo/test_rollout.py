from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from services.trainer.ppo.rollout import Collector, Rollout
from shared.config.schema import PpoTrainer
from shared.rl.envs import Environments
from shared.rl.policy import Policy


class Counter(gymnasium.Env[Any, Any]):
    """Ends after three steps, by its own rules or by a limit; observes its steps; the last reward is `last`."""

    observation_space = gymnasium.spaces.Box(0, 100, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, *, is_cut: bool = True, last: float = 1.0) -> None:
        self.is_cut, self.last = is_cut, last

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.steps = 0
        return self._obs(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        over = self.steps == 3
        return self._obs(), self.last if over else 1.0, over and not self.is_cut, over and self.is_cut, {}

    def _obs(self) -> Any:
        return np.array([self.steps], dtype=np.float32)


def vectorized(**kwargs: Any) -> SyncVectorEnv[Any, Any]:
    num_envs, mode = kwargs.pop("num_envs"), kwargs.pop("mode")
    return SyncVectorEnv([lambda: Counter(**kwargs)] * num_envs, autoreset_mode=mode)


@pytest.fixture(autouse=True)
def counters() -> Iterator[None]:
    gymnasium.register("Counter-v0", entry_point=lambda **kwargs: Counter(**kwargs))
    for mode in AutoresetMode:
        gymnasium.register(f"Counter{mode.value}-v0", vector_entry_point=vectorized, kwargs={"mode": mode})
    yield
    for name in [name for name in gymnasium.registry if name.startswith("Counter")]:
        del gymnasium.registry[name]


def collect(env: str, num_steps: int, *, rollouts: int = 1, **trainer: Any) -> tuple[Rollout, Collector, Policy]:
    kwargs = trainer.pop("env_kwargs", {})
    config = PpoTrainer(num_envs=2, batch_size=2 * num_steps, **{"normalize_rewards": False, **trainer})
    envs = Environments(env, 2, kwargs)
    policy = Policy(envs.spaces, (4,), normalize_observations=config.normalize_observations)
    policy.initialize(torch.Generator().manual_seed(0))
    collector = Collector(envs, policy, config, torch.Generator().manual_seed(1))
    collector.reset(0)
    for _ in range(rollouts):
        rollout = collector.collect()
    return rollout, collector, policy


def test_an_auto_reset_step_is_not_part_of_the_rollout() -> None:
    rollout, _, _ = collect("Counter-v0", 8)  # 3 steps, a reset, 3 steps, a reset

    assert rollout.obs[:, 0].tolist() == [0, 0, 1, 1, 2, 2] * 2


def test_an_auto_reset_at_the_first_step_of_a_rollout_is_not_part_of_it_either() -> None:
    rollout, _, _ = collect("Counter-v0", 3, rollouts=2)

    assert rollout.obs[:, 0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("mode", AutoresetMode, ids=lambda mode: mode.value)
def test_after_a_time_limit_the_value_of_the_last_observation_counts(mode: AutoresetMode) -> None:
    ppo = {"gamma": 0.9, "gae_lambda": 0.0}
    rollout, _, policy = collect(f"Counter{mode.value}-v0", 5, ppo=ppo)

    last_steps = rollout.returns[rollout.obs[:, 0] == 2]
    expected = 1 + 0.9 * policy.value(torch.tensor([[3.0]])).item()
    assert last_steps.tolist() == pytest.approx([expected] * len(last_steps))
    assert len(last_steps) >= 2


def test_after_a_termination_no_further_value_counts() -> None:
    rollout, _, _ = collect("Counter-v0", 3, env_kwargs={"is_cut": False, "last": 7.0}, ppo={"gae_lambda": 0.0})

    assert rollout.returns[rollout.obs[:, 0] == 2].tolist() == pytest.approx([7, 7])


def test_the_return_of_an_episode_counts_all_rollouts_that_it_spans() -> None:
    _, collector, _ = collect("Counter-v0", 2, rollouts=4)

    assert list(collector.recent_returns) == [3, 3, 3, 3]


def test_a_dropped_episode_does_not_change_the_next_one() -> None:
    _, collector, _ = collect("Counter-v0", 2)

    collector.reset(0)
    collector.collect()
    collector.collect()

    assert list(collector.recent_returns) == [3, 3]


def test_rewards_are_scaled_by_the_spread_of_their_discounted_sums() -> None:
    ppo = {"gamma": 0.5, "gae_lambda": 1.0}
    rollout, collector, _ = collect("Counter-v0", 4, env_kwargs={"is_cut": False}, ppo=ppo, normalize_rewards=True)

    spread = np.std([1, 1.5, 1.75])
    assert collector.reward_moments is not None
    assert collector.reward_moments.std.item() == pytest.approx(spread)
    assert rollout.returns[rollout.obs[:, 0] == 0].tolist() == pytest.approx([1.75 / spread] * 2)


def test_observations_are_normalised_by_the_observations_so_far() -> None:
    rollout, _, policy = collect("Counter-v0", 3, normalize_observations=True)

    assert policy.normalizer is not None
    assert policy.normalizer.mean.tolist() == [1]
    torch.testing.assert_close(torch.unique(rollout.obs[:, 0]), torch.tensor([-1.0, 0, 1]) / np.sqrt(2 / 3))


def test_log_probabilities_are_those_of_the_policy_that_acted() -> None:
    rollout, _, policy = collect("Counter-v0", 3)

    log_probs, _ = policy.log_prob_and_entropy(rollout.obs, rollout.actions)

    torch.testing.assert_close(rollout.log_probs, log_probs.detach())


def test_an_environment_that_gives_nan_is_named() -> None:
    with pytest.raises(FloatingPointError, match="Counter-v0"):
        collect("Counter-v0", 3, env_kwargs={"last": float("nan")})
