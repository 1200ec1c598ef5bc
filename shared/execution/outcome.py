"""Makes the observation of a run whose job ended: its score, cost, length, and earlier points of its curve."""

from __future__ import annotations

from collections.abc import Mapping

from shared.config.protein import ProteinSettings
from shared.config.schema import SweepJob
from shared.config.searched import length_of
from shared.domain.learning_curve import earlier_points, trained_length
from shared.domain.observation import cost_of
from shared.domain.run import EarlierPoint, Params, Run, observe
from shared.execution.supervise import Finished


def observe_ending(
    run: Run, ending: Finished, job: SweepJob, *, score: float, metrics: Mapping[str, float], steps: int
) -> Run:
    """Return the run, observed with `score` after its training or evaluation ended. Raises BadScore."""
    seconds = run.train_seconds + run.eval_seconds + ending.seconds
    cost = cost_of(metrics, cost=job.cost, seconds=seconds, steps=steps)
    own_cost = "cost" in metrics and "cost" not in ending.progress.metrics  # returned at the end, in a unit of its own
    trained, earlier = _lengths(run, ending, job, score=score, cost=cost, steps=steps, own_cost=own_cost)
    return observe(
        run,
        score=score,
        cost=cost,
        seconds=ending.seconds,
        steps=steps,
        metrics=metrics,
        trained=trained,
        earlier=earlier,
    )


def _lengths(
    run: Run, ending: Finished, job: SweepJob, *, score: float, cost: float, steps: int, own_cost: bool
) -> tuple[Params, tuple[EarlierPoint, ...]]:
    stop, wants_curve = run.early_stop, ProteinSettings.from_config(job.sweep.protein).learning_curves
    parameter = length_of(job) if stop or wants_curve else None
    if parameter is None or parameter.path not in run.params:
        return {}, ()
    length, trained = run.params[parameter.path], {}
    if stop and stop.of_steps:
        trained = trained_length(parameter, length, steps=steps, of_steps=stop.of_steps)
        length = trained.get(parameter.path, length)
    if not wants_curve:
        return trained, ()
    known = {"length": length, "steps": steps, "score": score, "cost": cost, "own_cost": own_cost}
    return trained, earlier_points(ending.progress, parameter, **known)
