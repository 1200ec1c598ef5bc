"""A training run in memory and in a folder, for `train_ppo`, without a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from protein_sweeps.run import Stop, TrainingRun

SMALL: dict[str, Any] = {
    "env": "CartPole-v1",
    "total_timesteps": 1024,
    "num_envs": 8,
    "batch_size": 128,
    "minibatch_size": 50,
    "update_epochs": 2,
    "checkpoint_interval": 300,
    "hidden_sizes": [16],
    "num_threads": 1,
    "normalize_rewards": False,
}


class Killed(BaseException):
    """The process was killed."""


class FolderRun(TrainingRun):
    """Saves checkpoints as folders that are named by their step; can be stopped or killed at a step."""

    def __init__(self, folder: Path, *, seed: int = 0, **trainer: Any) -> None:
        self.id, self.attempt, self.seed, self.device = "a.r.0", 1, seed, "cpu"
        self.config, self.params = {"trainer": {**SMALL, **trainer}}, {}
        self.checkpoint: Path | None = None
        self.checkpoint_step = 0
        self.reports: dict[int, dict[str, float]] = {}
        self.saved: list[int] = []
        self.stop_at: tuple[int, BaseException] | None = None
        self._folder = folder
        self.workspace = folder / "workspace"

    def report(self, step: int, **metrics: float) -> None:
        self.reports[step] = metrics
        if self.stop_at is not None and step >= self.stop_at[0]:
            raise self.stop_at[1]

    def obey(self) -> None:
        pass

    def save_checkpoint(self, step: int, save: Callable[[Path], object]) -> None:
        save(self.path(step))
        self.saved.append(step)

    def path(self, step: int) -> Path:
        return self._folder / str(step)

    def last_weights(self) -> bytes:
        return (self.path(self.saved[-1]) / "policy.safetensors").read_bytes()

    def resumed_at(self, step: int) -> FolderRun:
        """The next attempt of this run, from the checkpoint of `step`."""
        again = FolderRun(self._folder.with_name(f"{self._folder.name}-resumed"), seed=self.seed)
        again.config, again.attempt = self.config, self.attempt + 1
        again.checkpoint, again.checkpoint_step = self.path(step), step
        return again


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Use one thread: these networks are too small for more."""
    torch.set_num_threads(1)


@pytest.fixture
def a_run(tmp_path: Path) -> Callable[..., FolderRun]:
    """Make a small run; keyword arguments go into its trainer config."""
    count = iter(range(100))
    return lambda **trainer: FolderRun(tmp_path / f"run{next(count)}", **trainer)


@pytest.fixture
def killed() -> BaseException:
    return Killed()


@pytest.fixture
def stop() -> type[Stop]:
    return Stop
