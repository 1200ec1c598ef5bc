"""The spaces of an environment as plain data: a policy is built from them, and a checkpoint stores them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from shared.domain.errors import ConfigError


@dataclass(frozen=True)
class DiscreteActions:
    """One of `n` actions, which the environment counts from `start`."""

    n: int
    start: int = 0

    def to_env(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn the policy's choices (num_envs,) in 0..n-1 into actions of the environment."""
        return actions + self.start if self.start else actions

    def __str__(self) -> str:
        return f"{self.n} discrete actions"


@dataclass(frozen=True)
class BoxActions:
    """Real-valued actions, flattened to `size` numbers; without a bound it is infinite."""

    shape: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    dtype: str = "float32"

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def to_env(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn the policy's numbers (num_envs, size) into actions within the bounds (num_envs, *shape).

        If both bounds are finite, -1 and 1 become the bounds, so that a policy of unit spread explores any range.
        """
        middle, half_width = self._scale
        within: npt.NDArray[np.float64] = np.clip(middle + half_width * actions, self.low, self.high)
        return within.astype(self.dtype).reshape(-1, *self.shape)

    @cached_property
    def _scale(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The middle and half width of each action's range, (size,) each; 0 and 1 without two finite bounds."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        bounded = np.isfinite(low) & np.isfinite(high)
        low, high = np.where(bounded, low, -1), np.where(bounded, high, 1)
        return (low + high) / 2, (high - low) / 2

    def __str__(self) -> str:
        return f"real actions of shape {self.shape}"


Actions = DiscreteActions | BoxActions


@dataclass(frozen=True)
class Spaces:
    """The inputs of a policy, observations of `obs_shape` that are flattened, and its actions."""

    obs_shape: tuple[int, ...]
    actions: Actions

    @property
    def obs_size(self) -> int:
        return math.prod(self.obs_shape)

    def __str__(self) -> str:
        return f"observations of shape {self.obs_shape} and {self.actions}"


def read_spaces(env_id: str, obs_space: gymnasium.Space[Any], action_space: gymnasium.Space[Any]) -> Spaces:
    """Describe the spaces of one environment; raise ConfigError for a kind that the policy does not support."""
    if not isinstance(obs_space, gymnasium.spaces.Box):
        raise ConfigError(
            f"environment {env_id}: its observations are {obs_space}, but the built-in policy needs Box observations: "
            "register the environment wrapped in gymnasium.wrappers.FlattenObservation"
        )
    shape = tuple(int(n) for n in obs_space.shape)
    if isinstance(action_space, gymnasium.spaces.Discrete):
        return Spaces(shape, DiscreteActions(int(action_space.n), int(action_space.start)))
    if isinstance(action_space, gymnasium.spaces.Box) and np.issubdtype(action_space.dtype, np.floating):
        bounds = (tuple(float(bound) for bound in side.ravel()) for side in (action_space.low, action_space.high))
        low, high = bounds
        return Spaces(shape, BoxActions(tuple(map(int, action_space.shape)), low, high, str(action_space.dtype)))
    raise ConfigError(
        f"environment {env_id}: its actions are {action_space}, but the built-in policy needs Discrete or real-valued "
        "Box actions: wrap the environment, or train it with your own function (trainer.kind=function)"
    )


def spaces_to_json(spaces: Spaces) -> dict[str, Any]:
    """Return plain data without infinities, which JSON does not have (null: no bound)."""
    actions = asdict(spaces.actions)
    for side in ("low", "high"):
        if side in actions:
            actions[side] = [bound if math.isfinite(bound) else None for bound in actions[side]]
    return {"obs_shape": list(spaces.obs_shape), "actions": actions}


def spaces_from_json(data: dict[str, Any]) -> Spaces:
    """Read what `spaces_to_json` returned; raise KeyError, TypeError or ValueError for anything else."""
    actions, shape = dict(data["actions"]), tuple(int(n) for n in data["obs_shape"])
    if "n" in actions:
        return Spaces(shape, DiscreteActions(int(actions["n"]), int(actions["start"])))
    low = tuple(-math.inf if bound is None else float(bound) for bound in actions["low"])
    high = tuple(math.inf if bound is None else float(bound) for bound in actions["high"])
    return Spaces(shape, BoxActions(tuple(map(int, actions["shape"])), low, high, str(actions["dtype"])))
