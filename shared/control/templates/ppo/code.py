"""Your environment: a gymnasium.Env that is registered when this module is imported."""

import gymnasium
import numpy as np


class Reach(gymnasium.Env):
    """Push a mass along a line to position 0, and hold it there."""

    def __init__(self, force=0.2):  # from trainer.env_kwargs
        self.force = force
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(3)  # left, nothing, right

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)  # seeds self.np_random: draw all random numbers from it
        self.distance, self.speed = self.np_random.uniform(-1, 1), 0.0
        return self.look(), {}

    def step(self, action):
        self.speed = 0.8 * self.speed + self.force * (int(action) - 1)
        self.distance += 0.2 * self.speed
        reward = 1.0 - min(abs(self.distance), 1.0)
        terminated = bool(abs(self.distance) > 3)  # too far away: the episode ends
        return self.look(), reward, terminated, False, {}  # max_episode_steps truncates the episode

    def look(self):
        return np.array([self.distance, self.speed], dtype=np.float32)


gymnasium.register("Reach-v0", entry_point=Reach, max_episode_steps=50)
