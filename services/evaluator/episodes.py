"""Play the evaluation suite with a trained policy and return its scores."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from shared.config.schema import SimConfig, Simulation
from shared.domain.errors import ConfigError, SweepError
from shared.rl.checkpoint import PolicyCheckpoint, load_checkpoint
from shared.rl.envs import Environments, Step
from shared.rl.policy import Policy

MAX_ENVS = 128
PROGRESS_SECONDS = 0.25

OnEpisode = Callable[[str, int], None]
"""Called with a simulation's name and its finished episodes, several times a second. It may raise to stop."""


class TooSlow(SweepError):
    """No episode ended within the time limit: there is no score."""


@dataclass
class Episodes:
    """Finished episodes of one simulation."""

    returns: list[float] = field(default_factory=list)
    """Sum of the rewards, undiscounted."""
    lengths: list[int] = field(default_factory=list)
    """Steps."""
    is_cut_by_time: bool = False


def play_suite(
    checkpoint: Path, sim: SimConfig, *, device: str = "cpu", on_progress: OnEpisode | None = None
) -> dict[str, float]:
    """Play every simulation of `sim` with the policy of `checkpoint`; the episodes are the same each time.

    Returns for each simulation `<name>/reward` (mean episode return), `<name>/reward_std`, `<name>/episode_length`
    (mean, steps) and `<name>/episodes`, with `<name>/truncated_by_time` = 1 if `max_time_s` was reached; and over all
    `reward` (mean of the simulations' rewards) and `total_time` (seconds).

    Raises NotFound or DamagedCheckpoint for the checkpoint, ConfigError for an environment that does not fit the
    policy, TooSlow if no episode of a simulation ends in time, and what `on_progress` raises.
    """
    if not sim.simulations:
        raise ConfigError("sim.simulations is empty: name at least one environment to play")
    started = time.perf_counter()
    trained = load_checkpoint(checkpoint, device=device)
    metrics: dict[str, float] = {}
    for name, simulation in sim.simulations.items():
        episodes = play_simulation(trained, name, simulation, sim=sim, on_progress=on_progress)
        metrics |= {f"{name}/{key}": value for key, value in summarize(episodes).items()}
    rewards = [metrics[f"{name}/reward"] for name in sim.simulations]
    return {"reward": float(np.mean(rewards)), "total_time": time.perf_counter() - started, **metrics}


def play_simulation(
    trained: PolicyCheckpoint,
    name: str,
    simulation: Simulation,
    *,
    sim: SimConfig,
    on_progress: OnEpisode | None = None,
) -> Episodes:
    """Play one simulation; missing settings are taken from `sim`. Raises as `play_suite` does."""
    num_episodes = simulation.num_episodes or sim.num_episodes
    max_time_s = simulation.max_time_s or sim.max_time_s
    envs = Environments(simulation.env, min(num_episodes, MAX_ENVS), simulation.env_kwargs)
    try:
        if envs.spaces != trained.policy.spaces:
            raise ConfigError(
                f"sim.simulations.{name}: {simulation.env} has {envs.spaces}, the policy was trained on "
                f"{trained.env} with {trained.policy.spaces}: choose an environment with the same spaces"
            )
        play = _Play(envs, trained.policy, num_episodes, sim)
        _play_until(time.perf_counter() + max_time_s, play, lambda count: on_progress and on_progress(name, count))
    finally:
        envs.close()
    if not play.episodes.returns:
        raise TooSlow(
            f"sim.simulations.{name}: no episode of {simulation.env} ended within {max_time_s:g} s: "
            "raise max_time_s, or lower the environment's max_episode_steps"
        )
    return play.episodes


def summarize(episodes: Episodes) -> dict[str, float]:
    """Return the metrics of one simulation by name."""
    summary = {
        "reward": float(np.mean(episodes.returns)),
        "reward_std": float(np.std(episodes.returns)),
        "episode_length": float(np.mean(episodes.lengths)),
        "episodes": float(len(episodes.returns)),
    }
    return {**summary, "truncated_by_time": 1.0} if episodes.is_cut_by_time else summary


def _play_until(deadline: float, play: _Play, on_progress: Callable[[int], object]) -> None:
    next_progress = 0.0
    while not play.is_finished:
        now = time.perf_counter()
        if now >= deadline:
            play.episodes.is_cut_by_time = True
            return
        if now >= next_progress:
            on_progress(len(play.episodes.returns))
            next_progress = now + PROGRESS_SECONDS
        play.step()


class _Play:
    """Environments in the middle of their episodes.

    Each environment plays a fixed number of episodes. To take the first `num_episodes` that end in any environment
    would prefer short episodes.
    """

    def __init__(self, envs: Environments, policy: Policy, num_episodes: int, sim: SimConfig) -> None:
        self.episodes = Episodes()
        self._envs, self._policy = envs, policy
        self._device = next(policy.parameters()).device
        seed = int(np.random.SeedSequence([sim.seed]).generate_state(1)[0]) >> 1
        self._obs = envs.reset(seed)
        self._generator = None if sim.deterministic else torch.Generator(self._device).manual_seed(seed)
        slots = np.arange(envs.num_envs)
        self._owed = num_episodes // envs.num_envs + (slots < num_episodes % envs.num_envs)
        self._returns = np.zeros(envs.num_envs)
        self._lengths = np.zeros(envs.num_envs, dtype=np.int64)

    @property
    def is_finished(self) -> bool:
        return not self._owed.any()

    def step(self) -> None:
        """Take one step in each environment and record the episodes that ended."""
        with torch.inference_mode():
            obs = self._policy.normalize(torch.from_numpy(self._obs).to(self._device))
            noise = self._policy.noise(obs.shape[:1], self._generator) if self._generator is not None else None
            actions: npt.NDArray[np.generic] = self._policy.act(obs, noise).cpu().numpy()
        step = self._envs.step(actions)
        self._obs = step.obs
        self._returns += np.where(step.is_autoreset, 0, step.rewards)
        self._lengths += ~step.is_autoreset
        self._book(step)

    def _book(self, step: Step) -> None:
        done = step.terminated | step.truncated
        if not done.any():
            return
        counted = done & (self._owed > 0)
        self.episodes.returns += self._returns[counted].tolist()
        self.episodes.lengths += self._lengths[counted].tolist()
        self._owed -= counted
        self._returns[done] = 0
        self._lengths[done] = 0
