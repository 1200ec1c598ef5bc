"""Collects experience: `num_steps` steps of all environments at once, with advantages and returns."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from services.trainer.ppo.advantages import discounted_returns, generalized_advantages
from shared.config.schema import PpoTrainer
from shared.rl.envs import Environments
from shared.rl.normalization import RunningMoments
from shared.rl.policy import Policy

RECENT_EPISODES = 100

Array = npt.NDArray[np.float64]


class Rollout(NamedTuple):
    """Experience to learn from, flattened to n = the number of steps without auto-reset steps."""

    obs: Tensor
    """(n, obs_size), normalised."""
    actions: Tensor
    log_probs: Tensor
    """(n,), of the policy that acted."""
    values: Tensor
    """(n,)"""
    advantages: Tensor
    """(n,)"""
    returns: Tensor
    """(n,): the targets of the values."""


class Collector:
    """Plays the environments with the current policy."""

    def __init__(self, envs: Environments, policy: Policy, trainer: PpoTrainer, generator: torch.Generator) -> None:
        self._envs, self._policy, self._generator = envs, policy, generator
        self._ppo = trainer.ppo
        self.reward_moments = RunningMoments(1) if trainer.normalize_rewards else None
        self.recent_returns: deque[float] = deque(maxlen=RECENT_EPISODES)
        """Returns of the last finished episodes."""
        shape = (trainer.batch_size // trainer.num_envs, trainer.num_envs)
        self._shape = shape
        self._obs = np.zeros((shape[0] + 1, shape[1], envs.spaces.obs_size), dtype=np.float32)
        self._rewards = np.zeros(shape)
        self._terminated, self._truncated, self._is_autoreset = (np.zeros(shape, dtype=np.bool_) for _ in range(3))
        self._cut_short: list[tuple[int, npt.NDArray[np.intp], npt.NDArray[np.float32]]] = []

    def reset(self, seed: int) -> None:
        """Start new episodes: those in progress are dropped, and the next ones depend only on `seed`."""
        self._obs[-1] = self._envs.reset(seed)
        self._episode_returns = np.zeros(self._shape[1])
        self._discounted = np.zeros(self._shape[1])

    def collect(self) -> Rollout:
        """Make num_steps x num_envs steps; raise FloatingPointError if the environment returns NaN or infinity."""
        actions, log_probs = self._play()
        if not (np.isfinite(self._rewards).all() and np.isfinite(self._obs).all()):
            raise FloatingPointError(
                f"environment {self._envs.id} returned an observation or a reward that is NaN or infinite: "
                "fix the environment"
            )
        obs = torch.from_numpy(self._obs).to(self._generator.device)
        taken = ~self._is_autoreset
        kept = torch.from_numpy(taken).to(obs.device)
        if self._policy.normalizer is not None:
            self._policy.normalizer.update(obs[:-1][kept])
        with torch.no_grad():
            normal = self._policy.normalize(obs)
            values = self._policy.value(normal).cpu().double().numpy()
            next_values = self._next_values(values)
        done = self._terminated | self._truncated
        advantages = generalized_advantages(
            self._scaled_rewards(done, taken), values[:-1], next_values=next_values, terminated=self._terminated,
            done=done, gamma=self._ppo.gamma, gae_lambda=self._ppo.gae_lambda,
        )  # fmt: skip
        value, advantage = (
            torch.from_numpy(a[taken].astype(np.float32)).to(obs.device) for a in (values[:-1], advantages)
        )
        return Rollout(normal[:-1][kept], actions[kept], log_probs[kept], value, advantage, advantage + value)

    def _play(self) -> tuple[Tensor, Tensor]:
        """Fill the buffers; return the actions and their log-probabilities, (num_steps, num_envs, ...)."""
        device, policy = self._generator.device, self._policy
        self._obs[0] = self._obs[-1]
        self._cut_short.clear()
        chosen = []
        with torch.inference_mode():
            noise = policy.noise(self._shape, self._generator)
            for t in range(self._shape[0]):
                obs = policy.normalize(torch.from_numpy(self._obs[t]).to(device))
                action = policy.act(obs, noise[t])
                chosen.append(action)
                self._step(t, action.cpu().numpy())
            actions = torch.stack(chosen)
            obs = policy.normalize(torch.from_numpy(self._obs[:-1]).to(device))
            log_probs, _ = policy.log_prob_and_entropy(obs, actions)
        return actions.clone(), log_probs.clone()  # outside of inference_mode, so that autograd may keep them

    def _step(self, t: int, actions: npt.NDArray[np.generic]) -> None:
        step = self._envs.step(actions)
        self._obs[t + 1] = step.obs
        self._rewards[t] = np.where(step.is_autoreset, 0, step.rewards)
        self._terminated[t], self._truncated[t], self._is_autoreset[t] = (
            step.terminated, step.truncated, step.is_autoreset,
        )  # fmt: skip
        self._episode_returns += self._rewards[t]
        done = step.terminated | step.truncated
        if done.any():
            self.recent_returns.extend(self._episode_returns[done].tolist())
            self._episode_returns[done] = 0
            if step.final_obs is not step.obs and step.truncated.any():
                rows = np.flatnonzero(step.truncated)
                self._cut_short.append((t, rows, step.final_obs[rows]))

    def _next_values(self, values: Array) -> Array:
        """Return the value of the state after each step (num_steps, num_envs); at a time limit, of the last one."""
        next_values = values[1:].copy()
        for t, rows, final_obs in self._cut_short:
            obs = self._policy.normalize(torch.from_numpy(final_obs).to(self._generator.device))
            next_values[t, rows] = self._policy.value(obs).cpu().numpy()
        return next_values

    def _scaled_rewards(self, done: npt.NDArray[np.bool_], taken: npt.NDArray[np.bool_]) -> Array:
        """Return the rewards, divided by the running spread of discounted returns (Engstrom et al. 2020) if set."""
        if self.reward_moments is None:
            return self._rewards
        returns, self._discounted = discounted_returns(self._rewards, done, self._discounted, gamma=self._ppo.gamma)
        self.reward_moments.update(torch.from_numpy(returns[taken][:, None]))
        scaled: Array = self._rewards / self.reward_moments.std.item()
        return scaled
