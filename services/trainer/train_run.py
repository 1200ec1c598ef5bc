"""Trains a run and passes it to the evaluator, or to the suggester if the training returned a score."""

from __future__ import annotations

from services.trainer.trainables import entry_of
from shared.config.frozen import job_of, job_of_run
from shared.config.schema import CommandTrainer, FunctionTrainer, PpoTrainer, SweepJob, TrainerConfig
from shared.domain.errors import ConfigError
from shared.domain.observation import BadScore, score_of
from shared.domain.refusal import Refusal
from shared.domain.run import Run, ended_by_itself, finish_training
from shared.domain.sweep import Sweep
from shared.execution.claiming import Claimed, serve_due_runs
from shared.execution.given import is_given, refuses_given
from shared.execution.outcome import observe_ending
from shared.execution.permission import refuses_command, refuses_device, refuses_env, refuses_function
from shared.execution.supervise import Finished
from shared.execution.work import work_on
from shared.execution.worker import Worker


def train_due_runs(worker: Worker, hint: str) -> None:
    """Train the run that the notification names, then the next due ones."""

    def train(claimed: Claimed) -> None:
        trainer = _trainer_of(job_of(claimed.sweep), claimed.lease.run)
        work_on(worker, claimed, entry=entry_of(trainer), phase="train", conclude=conclude)

    serve_due_runs(worker, hint, train, refuses=lambda run, sweep: refuses(worker, run, sweep))


def conclude(run: Run, ending: Finished, job: SweepJob) -> Run:
    """Return the run after its training: observed if it has a score, else trained. Raises BadScore."""
    run = run if ending.early else ended_by_itself(run)
    metrics = {**ending.metrics, **ending.result}
    if job.is_evaluated and "score" not in ending.result:
        if run.checkpoint is None:
            raise BadScore(
                'the training saved no checkpoint to evaluate: call run.save_checkpoint, or return {"score": ...}'
            )
        reported = {name: value for name, value in ending.metrics.items() if name == job.cost}
        kept = {**reported, **ending.result}
        steps = run.checkpoint.step if ending.early else ending.steps  # the steps of the policy that is scored
        return finish_training(run, seconds=ending.seconds, steps=steps, metrics=kept)
    score = score_of(metrics, metric=job.sweep.metric)
    return observe_ending(run, ending, job, score=score, metrics=metrics, steps=ending.steps)


def refuses(worker: Worker, run: Run, sweep: Sweep) -> Refusal | None:
    """Return why this worker cannot train a run; None if it can. The run's own parameters may name code, too."""
    job = job_of(sweep)
    if refusal := refuses_device(job, worker.slots.gpus):
        return refusal
    trainer = _trainer_of(job, run)
    if isinstance(trainer, FunctionTrainer) and is_given(trainer.function):
        return refuses_given(trainer.function, sweep.name)
    if isinstance(trainer, FunctionTrainer):
        return refuses_function(trainer.function, worker.settings.allow, python=trainer.python)
    if isinstance(trainer, CommandTrainer):
        return refuses_command(trainer.words, worker.settings.allow)
    if isinstance(trainer, PpoTrainer):
        return refuses_env(trainer.env, worker.settings.allow)
    return None


def _trainer_of(job: SweepJob, run: Run) -> TrainerConfig:
    try:
        return job_of_run(job, run.params).trainer
    except ConfigError:  # once claimed, the run fails with the reason before any code is imported or started
        return job.trainer
