"""The trainer's notification."""

from __future__ import annotations

from services.trainer.app import app, worker
from services.trainer.train_run import train_due_runs
from shared.queues.names import TRAIN_RUN


@app.task(name=TRAIN_RUN)
def train_run_task(run_id: str) -> None:
    """Train the run, and then whatever else is due."""
    train_due_runs(worker, run_id)
