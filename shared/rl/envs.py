"""Many copies of one gymnasium environment, stepped together, with one behaviour for all autoreset modes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv

from shared.domain.errors import ConfigError
from shared.rl.spaces import Spaces, read_spaces

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


class Step(NamedTuple):
    """The result of one step of all environments; the first axis of every array is num_envs."""

    obs: Floats
    """(num_envs, obs_size): the observations for the next actions."""
    rewards: npt.NDArray[np.float64]
    terminated: Flags
    truncated: Flags
    is_autoreset: Flags
    """Where the environment only reset itself in this step and ignored the action."""
    final_obs: Floats
    """(num_envs, obs_size): the observations at the end of the step, before a reset that is part of it."""


class Environments:
    """`num_envs` copies of an environment. Call `reset` before the first `step`, and `close` at the end.

    gymnasium has three modes for the reset after an episode. NEXT_STEP uses one step for the reset, here marked by
    `is_autoreset`. SAME_STEP resets within the last step and puts the last observation into the infos. With DISABLED
    the caller resets: this class does it at once, so that it looks like SAME_STEP.
    """

    def __init__(self, env_id: str, num_envs: int, env_kwargs: Mapping[str, Any] | None = None) -> None:
        """Make the environments; raise ConfigError if the id, the kwargs or the spaces cannot be used."""
        self._envs = _make(env_id, num_envs, dict(env_kwargs or {}))
        self.id = env_id
        self.num_envs = num_envs
        try:
            self.spaces: Spaces = read_spaces(
                env_id, self._envs.single_observation_space, self._envs.single_action_space
            )
        except ConfigError:
            self._envs.close()
            raise
        self._mode = AutoresetMode(self._envs.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))
        self._is_autoreset: Flags = np.zeros(num_envs, dtype=np.bool_)

    def reset(self, seed: int) -> Floats:
        """Start an episode in each environment, seeded only by `seed`; return observations (num_envs, obs_size)."""
        obs, _ = self._envs.reset(seed=seed)
        self._is_autoreset = np.zeros(self.num_envs, dtype=np.bool_)
        return self._flat(obs)

    def step(self, actions: npt.NDArray[Any]) -> Step:
        """Step all environments; `actions` are the policy's: (num_envs,) choices or (num_envs, size) numbers."""
        raw_obs, rewards, terminated, truncated, infos = self._envs.step(self.spaces.actions.to_env(actions))
        obs = final_obs = self._flat(raw_obs)
        terminated, truncated = np.array(terminated, dtype=np.bool_), np.array(truncated, dtype=np.bool_)
        done = terminated | truncated
        is_autoreset = self._is_autoreset
        if self._mode is AutoresetMode.NEXT_STEP:
            self._is_autoreset = done
        elif done.any():
            obs, final_obs = self._after_done(obs, done, infos)
        return Step(obs, np.asarray(rewards, dtype=np.float64), terminated, truncated, is_autoreset, final_obs)

    def close(self) -> None:
        self._envs.close()

    def _after_done(self, obs: Floats, done: Flags, infos: dict[str, Any]) -> tuple[Floats, Floats]:
        """Return (obs for the next action, obs at the end of the step) for the modes without a reset step."""
        if self._mode is AutoresetMode.DISABLED:
            fresh, _ = self._envs.reset(options={"reset_mask": done})
            return np.where(done[:, None], self._flat(fresh), obs), obs
        if "final_obs" not in infos:
            raise ConfigError(
                f"environment {self.id}: it resets within the step but its infos have no `final_obs`: "
                "add it, or declare AutoresetMode.NEXT_STEP in its metadata"
            )
        final_obs = obs.copy()
        for index in np.flatnonzero(done):  # only the ended episodes: they are few
            final_obs[index] = np.asarray(infos["final_obs"][index], dtype=np.float32).ravel()
        return obs, final_obs

    def _flat(self, obs: Any) -> Floats:
        return np.asarray(obs, dtype=np.float32).reshape(self.num_envs, -1)


def _make(env_id: str, num_envs: int, env_kwargs: dict[str, Any]) -> VectorEnv[Any, Any, Any]:
    """Make the environment's own vectorized form if it has one, else copies that are stepped in turn."""
    name = _import_module_of(env_id)
    try:
        spec = gymnasium.spec(name)
        if spec.vector_entry_point is not None and not spec.additional_wrappers:
            return gymnasium.make_vec(name, num_envs, vectorization_mode="vector_entry_point", **env_kwargs)
        # The passive checker checks the values of every step: useful for authors of environments, slow in a training.
        return gymnasium.make_vec(
            name, num_envs, vectorization_mode="sync", **{"disable_env_checker": True, **env_kwargs}
        )
    except gymnasium.error.DependencyNotInstalled as error:
        raise ConfigError(f"environment {env_id} needs a package that is missing here: {error}") from error
    except gymnasium.error.Error as error:
        raise ConfigError(
            f"environment {env_id} is unknown: {error} Name your own environment as `module:Env-v0`; `module` must "
            "register it when it is imported"
        ) from error
    except TypeError as error:
        raise ConfigError(f"environment {env_id} does not take env_kwargs {env_kwargs}: {error}") from error


def _import_module_of(env_id: str) -> str:
    """Import the module of `module:Env`, so that it registers its environments, and return `Env`."""
    module, separator, name = env_id.rpartition(":")
    if not separator:
        return env_id
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"environment {env_id}: module {module} cannot be imported ({error}): install it, or start from the folder "
            "that contains it"
        ) from error
    except ValueError as error:
        raise ConfigError(f"environment {env_id}: write `module:Env-v0`, with one colon") from error
    return name
