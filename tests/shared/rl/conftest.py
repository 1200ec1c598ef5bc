"""A vector environment that only counts, in each of gymnasium's autoreset modes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space


class CountingEnvs(VectorEnv[Any, Any, Any]):
    """Environment i ends after `length + i` steps; it observes (i, steps since its reset); each step has reward 1."""

    def __init__(self, num_envs: int, *, mode: AutoresetMode, length: int = 2) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": mode}
        self.mode = mode
        self.lengths = length + np.arange(num_envs)
        self.single_observation_space = gymnasium.spaces.Box(0, 100, (2,), np.float32)
        self.single_action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool))
        if mask.all():
            self.steps, self.done = np.zeros(self.num_envs, dtype=int), np.zeros(self.num_envs, dtype=bool)
        self.steps[mask], self.done[mask] = 0, False
        return self._obs(), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        assert self.mode is AutoresetMode.NEXT_STEP or not self.done.any(), "stepped after the end"
        fresh = self.done.copy()
        self.steps = np.where(fresh, 0, self.steps + 1)
        self.done = self.steps >= self.lengths
        done, infos = self.done.copy(), {}
        if self.mode is AutoresetMode.SAME_STEP and done.any():
            final = np.full(self.num_envs, None, dtype=object)
            for index in np.flatnonzero(done):
                final[index] = self._obs()[index]
            infos["final_obs"] = final
            self.steps[done], self.done[:] = 0, False
        return self._obs(), np.where(fresh, 0.0, 1.0), np.zeros(self.num_envs, dtype=bool), done, infos

    def _obs(self) -> Any:
        return np.stack([np.arange(self.num_envs), self.steps], axis=1).astype(np.float32)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Use one thread: these networks are too small for more."""
    torch.set_num_threads(1)


@pytest.fixture(params=list(AutoresetMode), ids=lambda mode: mode.value)
def counting_env(request: pytest.FixtureRequest) -> Iterator[str]:
    """The id of the counting environment, once for each autoreset mode."""
    name = f"Counting{request.param.value}-v0"
    gymnasium.register(name, vector_entry_point=lambda **kwargs: CountingEnvs(**kwargs), kwargs={"mode": request.param})
    yield name
    del gymnasium.registry[name]
