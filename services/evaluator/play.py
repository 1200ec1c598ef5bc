"""Play the suite of a sweep with the checkpoint of a run, in the child process."""

from __future__ import annotations

from typing import Any

from protein_sweeps.run import TrainingRun
from services.evaluator.episodes import play_suite
from shared.config.schema import SimConfig
from shared.execution.entry import child_entry


@child_entry
def play(run: TrainingRun) -> dict[str, float]:
    """Play the suite with the checkpoint of `run`; return its metrics."""
    sim: dict[str, Any] = run.config["sim"]
    assert run.checkpoint is not None  # no evaluation starts without one
    played = 0

    def report(name: str, finished: int) -> None:
        nonlocal played
        played += 1
        run.report(played, episodes=finished)  # raises Stop when the run was cancelled

    return play_suite(run.checkpoint, SimConfig.model_validate(sim), device=run.device, on_progress=report)
