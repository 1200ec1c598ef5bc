"""What a trainer can train: the built-in PPO, the user's own function or command, or nothing at all."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from shared.domain.trainable import TrainingRun

Trainable = Callable[[TrainingRun], Mapping[str, float] | None]


def train(run: TrainingRun) -> Mapping[str, float] | None:
    """Train `run` with the trainable that its config names."""
    return TRAINABLES[run.config["trainer"].get("kind", "ppo")](run)


def train_with_ppo(run: TrainingRun) -> Mapping[str, float] | None:
    """Train with the built-in PPO."""
    from services.trainer.ppo import train_ppo

    return train_ppo(run)


def train_with_function(run: TrainingRun) -> Mapping[str, float] | None:
    """Call the user's own `train(run)`. Raises ImportError, AttributeError and whatever it raises itself."""
    module, _, name = run.config["trainer"]["function"].partition(":")
    function: Trainable = getattr(importlib.import_module(module), name)
    return function(run)


def train_with_a_command(run: TrainingRun) -> Mapping[str, float]:
    """Run a program in any language. Raises SweepError for what is its fault."""
    from services.trainer.command import train_with_command

    return train_with_command(run)


def train_nothing(run: TrainingRun) -> Mapping[str, float]:
    """Report and save `steps` times and return a score that falls with the distance of all numbers from 0.5."""
    trainer: Mapping[str, Any] = run.config["trainer"]
    numbers = [float(value) for value in run.params.values() if isinstance(value, int | float)]
    score = -sum((number - 0.5) ** 2 for number in numbers)
    for step in range(run.checkpoint_step + 1, trainer["steps"] + 1):
        time.sleep(trainer["step_seconds"])
        run.report(step, reward=score * step / trainer["steps"])
        run.save_checkpoint(step, partial(Path.write_text, data=str(step)))
    return {"score": score}


TRAINABLES: dict[str, Trainable] = {
    "ppo": train_with_ppo,
    "function": train_with_function,
    "command": train_with_a_command,
    "noop": train_nothing,
}
