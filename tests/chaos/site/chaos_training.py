"""A training that records each of its steps, and whose checkpoints a real evaluator can play."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protein_sweeps._child import ChildRun

STEPS, CHECKPOINT_EVERY = 10, 2


def train(run: ChildRun) -> dict[str, float] | None:
    """Record each step of each attempt in one file: a step that is in it twice was computed twice."""
    settings = run.config["trainer"]
    notes = os.open(run.folder / "steps.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for step in range(run.checkpoint_step + 1, STEPS + 1):
        time.sleep(settings["step_seconds"])
        os.write(notes, f"{run.attempt} {step}\n".encode())
        run.report(step, reward=score_of(run.params))
        if step % CHECKPOINT_EVERY == 0:
            run.save_checkpoint(step, save_policy if settings["evaluated"] else save_text)
    return None if settings["evaluated"] else {"score": score_of(run.params)}


def score_of(params: Mapping[str, Any]) -> float:
    """Return a score that depends only on the parameters."""
    return float(-sum((value - 0.3) ** 2 for value in params.values() if isinstance(value, float)))


def save_text(path: Path) -> None:
    path.write_text("a checkpoint")


def save_policy(path: Path) -> None:
    import torch

    from shared.rl.checkpoint import PolicyCheckpoint, save_checkpoint
    from shared.rl.policy import Policy
    from shared.rl.spaces import DiscreteActions, Spaces

    policy = Policy(Spaces((4,), DiscreteActions(2, 0)), (4,))
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.zero_()
    save_checkpoint(Path(path), PolicyCheckpoint(policy, env="CartPole-v1", step=STEPS))
