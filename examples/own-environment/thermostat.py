"""A gymnasium environment: keep a room at a target temperature. The import registers it."""

from typing import Any

import gymnasium
import numpy as np


class Thermostat(gymnasium.Env[np.ndarray, int]):
    """Heat (2), do nothing (1) or cool (0). The room drifts to the outside temperature; the heater reacts slowly.

    An observation is the room's distance from the target and the power of the heater, both about -1 to 1. The reward of
    a step is 1 at the target temperature and 0 at a distance of one unit or more.
    """

    def __init__(self, outside: float = -0.5) -> None:
        self.outside = outside
        self.observation_space = gymnasium.spaces.Box(-5, 5, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.room = self.target = self.power = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)  # seeds self.np_random: draw all random numbers from it, so that runs can be repeated
        self.room, self.target = self.np_random.uniform(-1, 1, size=2)
        self.power = 0.0
        return self._look(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.power += 0.3 * (int(action) - 1 - self.power)
        self.room += 0.15 * self.power + 0.05 * (self.outside - self.room)
        reward = max(0.0, 1.0 - abs(self.room - self.target))
        return self._look(), reward, False, False, {}  # never terminates: max_episode_steps ends the episode

    def _look(self) -> np.ndarray:
        return np.clip([self.room - self.target, self.power], -5, 5).astype(np.float32)


gymnasium.register("Thermostat-v0", entry_point=Thermostat, max_episode_steps=100)
