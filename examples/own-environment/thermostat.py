"""A gymnasium environment of one's own: hold a room at the temperature that is wanted. Importing it registers it."""

from typing import Any

import gymnasium
import numpy as np


class Thermostat(gymnasium.Env[np.ndarray, int]):
    """Heat (2), do nothing (1) or cool (0); the room drifts to the outside's temperature, the heater lags behind.

    An observation is the room's distance from what is wanted and the heater's power, both about -1 to 1. The reward of
    a step is 1 at the wanted temperature and falls to 0 at one unit from it.
    """

    def __init__(self, outside: float = -0.5) -> None:
        self.outside = outside
        self.observation_space = gymnasium.spaces.Box(-5, 5, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.room = self.wanted = self.power = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)  # seeds self.np_random: draw all that is random from it, so that runs can be repeated
        self.room, self.wanted = self.np_random.uniform(-1, 1, size=2)
        self.power = 0.0
        return self._look(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.power += 0.3 * (int(action) - 1 - self.power)
        self.room += 0.15 * self.power + 0.05 * (self.outside - self.room)
        reward = max(0.0, 1.0 - abs(self.room - self.wanted))
        return self._look(), reward, False, False, {}  # it never ends by itself: max_episode_steps cuts it

    def _look(self) -> np.ndarray:
        return np.clip([self.room - self.wanted, self.power], -5, 5).astype(np.float32)


gymnasium.register("Thermostat-v0", entry_point=Thermostat, max_episode_steps=100)
