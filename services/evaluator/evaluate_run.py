"""Score a trained run: play the suite with its last checkpoint and commit the observation."""

from __future__ import annotations

from typing import Any

from shared.config.frozen import from_plain
from shared.config.schema import SimConfig, SweepJob
from shared.domain.observation import score_of
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.execution.child import ChildRun
from shared.execution.claiming import Claimed, serve_due_runs
from shared.execution.outcome import observe_ending
from shared.execution.permission import refuses_env
from shared.execution.supervise import Finished
from shared.execution.work import work_on
from shared.execution.worker import Worker

ENTRY = "services.evaluator.evaluate_run:play"


def evaluate_due_runs(worker: Worker, hint: str) -> None:
    """Evaluate the run that the notification names, then the next due ones."""

    def evaluate(claimed: Claimed) -> None:
        work_on(worker, claimed, entry=ENTRY, phase="eval", conclude=conclude)

    serve_due_runs(worker, hint, evaluate, declines=lambda run, sweep: declines(worker, sweep))


def declines(worker: Worker, sweep: Sweep) -> str | None:
    """Say why this worker cannot play the suite of a sweep; None if it can."""
    job = from_plain(sweep.config)
    if job.device == "cuda" and not worker.slots.gpus:
        return "the sweep wants device=cuda, and this worker sees no GPU"
    refusals = (refuses_env(simulation.env, worker.settings.allow) for simulation in job.sim.simulations.values())
    return next((refusal for refusal in refusals if refusal), None)


def conclude(run: Run, ending: Finished, job: SweepJob) -> Run:
    """Return the run with the score that the suite gave it. Raises BadScore."""
    score = score_of(ending.result, metric=job.sweep.metric)
    return observe_ending(run, ending, job, score=score, metrics={**run.metrics, **ending.result}, steps=run.steps)


def play(run: ChildRun) -> dict[str, float]:
    """Play the suite, in the child, with the last checkpoint. Raises Damaged when that one cannot be read."""
    from services.evaluator.episodes import play_suite

    checkpoint = run.newest_checkpoint()
    sim: dict[str, Any] = run.config["sim"]
    suite = SimConfig.model_validate(sim)
    played = 0

    def tell(name: str, finished: int) -> None:
        nonlocal played
        played += 1
        run.report(played, episodes=finished)  # raises Stop when the run was cancelled

    return play_suite(checkpoint, suite, device=run.device, on_progress=tell)
