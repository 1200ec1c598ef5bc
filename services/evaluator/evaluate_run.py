"""Score a trained run: play the suite with its last checkpoint and commit the observation."""

from __future__ import annotations

from shared.config.frozen import job_of
from shared.config.schema import SweepJob
from shared.domain.observation import score_of
from shared.domain.refusal import Refusal
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.execution.claiming import Claimed, serve_due_runs
from shared.execution.outcome import observe_ending
from shared.execution.permission import refuses_device, refuses_env
from shared.execution.supervise import Finished
from shared.execution.work import Entry, work_on
from shared.execution.worker import Worker

ENTRY = Entry("services.evaluator.play:play")


def evaluate_due_runs(worker: Worker, hint: str) -> None:
    """Evaluate the run that the notification names, then the next due ones."""

    def evaluate(claimed: Claimed) -> None:
        work_on(worker, claimed, entry=ENTRY, phase="eval", conclude=conclude)

    serve_due_runs(worker, hint, evaluate, refuses=lambda run, sweep: refuses(worker, sweep))


def refuses(worker: Worker, sweep: Sweep) -> Refusal | None:
    """Return why this worker cannot play the suite of a sweep; None if it can."""
    job = job_of(sweep)
    found = [refuses_device(job, worker.slots.gpus)]
    found += [refuses_env(simulation.env, worker.settings.allow) for simulation in job.sim.simulations.values()]
    return next((refusal for refusal in found if refusal), None)


def conclude(run: Run, ending: Finished, job: SweepJob) -> Run:
    """Return the run with its score in the suite. Raises BadScore."""
    score = score_of(ending.result, metric=job.sweep.metric)
    return observe_ending(run, ending, job, score=score, metrics={**run.metrics, **ending.result}, steps=run.steps)
