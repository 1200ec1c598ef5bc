"""Train a run and hand it on: to the evaluator, or straight to the suggester when it scored itself."""

from __future__ import annotations

from shared.config.frozen import from_plain
from shared.config.schema import FunctionTrainer, PpoTrainer, SweepJob
from shared.domain.observation import BadScore, cost_of, score_of
from shared.domain.run import Run, finish_training, observe
from shared.domain.sweep import Sweep
from shared.execution.claiming import Claimed, serve_due_runs
from shared.execution.permission import refuses_env, refuses_function
from shared.execution.supervise import Finished
from shared.execution.work import work_on
from shared.execution.worker import Worker

ENTRY = "services.trainer.trainables:train"


def train_due_runs(worker: Worker, hint: str) -> None:
    """Train the run that the doorbell names, then the next due ones."""

    def train(claimed: Claimed) -> None:
        work_on(worker, claimed, entry=ENTRY, phase="train", conclude=conclude)

    serve_due_runs(worker, hint, train, declines=lambda run, sweep: declines(worker, sweep))


def conclude(run: Run, ending: Finished, job: SweepJob) -> Run:
    """Return the run after its training: observed if it scored itself, else trained. Raises BadScore."""
    metrics = {**ending.metrics, **ending.result}
    if job.is_evaluated and "score" not in ending.result:
        if run.checkpoint is None:
            raise BadScore(
                'the training left no checkpoint to evaluate: call run.save_checkpoint, or return {"score": ...}'
            )
        reported = {name: value for name, value in ending.metrics.items() if name == job.cost}
        kept = {**reported, **ending.result}
        return finish_training(run, seconds=ending.seconds, steps=ending.steps, metrics=kept)
    seconds = run.train_seconds + ending.seconds
    return observe(
        run,
        score=score_of(metrics, metric=job.sweep.metric),
        cost=cost_of(metrics, cost=job.cost, seconds=seconds, steps=ending.steps),
        seconds=ending.seconds,
        steps=ending.steps,
        metrics=metrics,
    )


def declines(worker: Worker, sweep: Sweep) -> str | None:
    """Say why this worker cannot train the runs of a sweep; None if it can."""
    job = from_plain(sweep.config)
    if job.device == "cuda" and not worker.slots.gpus:
        return "the sweep wants device=cuda, and this worker sees no GPU"
    if isinstance(job.trainer, FunctionTrainer):
        return refuses_function(job.trainer.function, worker.settings.allow)
    if isinstance(job.trainer, PpoTrainer):
        return refuses_env(job.trainer.env, worker.settings.allow)
    return None
