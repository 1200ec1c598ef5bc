"""The evaluator's task: a notification."""

from __future__ import annotations

from services.evaluator.app import app, worker
from services.evaluator.evaluate_run import evaluate_due_runs
from shared.queues.names import EVALUATE_RUN


@app.task(name=EVALUATE_RUN)
def evaluate_run_task(run_id: str) -> None:
    """Evaluate the run, then the next due ones."""
    evaluate_due_runs(worker, run_id)
