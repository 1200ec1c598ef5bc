"""Trains nothing: for tests, and for benchmarks of everything but the training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from protein_sweeps.run import TrainingRun


def train(run: TrainingRun) -> Mapping[str, float]:
    """Report and save `steps` times; return a score that is best where all numeric parameters are 0.5."""
    trainer: Mapping[str, Any] = run.config["trainer"]
    numbers = [float(value) for value in run.params.values() if isinstance(value, int | float)]
    score = -sum((number - 0.5) ** 2 for number in numbers)
    for step in range(run.checkpoint_step + 1, trainer["steps"] + 1):
        time.sleep(trainer["step_seconds"])
        run.report(step, reward=score * step / trainer["steps"])
        run.save_checkpoint(step, partial(Path.write_text, data=str(step)))
    return {"score": score}
