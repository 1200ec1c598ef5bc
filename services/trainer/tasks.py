"""The Celery task of the trainer."""

from __future__ import annotations

from services.trainer.app import app, worker
from services.trainer.train_run import train_due_runs
from shared.queues.names import TRAIN_RUN


@app.task(name=TRAIN_RUN)
def train_run_task(run_id: str) -> None:
    """Train the run, then the other runs that are due."""
    train_due_runs(worker, run_id)
