"""Runs as trials of Optuna, and search spaces as its distributions. A sweep is a study, a run is a trial."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from shared.domain.parameter import Parameter
from shared.domain.progress import Progress
from shared.domain.run import Run, RunState

STATES: Final = {
    RunState.QUEUED: TrialState.WAITING,
    RunState.TRAINING: TrialState.RUNNING,
    RunState.TRAINED: TrialState.RUNNING,
    RunState.EVALUATING: TrialState.RUNNING,
    RunState.OBSERVED: TrialState.COMPLETE,
    RunState.FAILED: TrialState.FAIL,
    RunState.CANCELLED: TrialState.FAIL,
}


def distribution_of(parameter: Parameter) -> BaseDistribution:
    """Return the distribution that is nearest to a parameter's bounds and scale; Optuna has no logit."""
    if parameter.is_categorical:
        return CategoricalDistribution(parameter.values)
    is_log = parameter.distribution in ("log_normal", "uniform_pow2")
    low, high = parameter.decode(0.0), parameter.decode(1.0)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=is_log)
    return FloatDistribution(float(low), float(high), log=is_log)


def trial_of(
    run: Run,
    distributions: dict[str, BaseDistribution],
    *,
    trial_id: int,
    progress: Progress | None,
    began: datetime | None,
    ended: datetime | None,
    link: str | None,
) -> FrozenTrial:
    """Return a run as a trial with its number; facts that Optuna has no field for are user attributes.

    A run that was stopped early is a pruned trial with a value and with the length that was trained.
    """
    state = TrialState.PRUNED if run.early_stop and run.state is RunState.OBSERVED else STATES[run.state]
    params = {path: value for path, value in {**run.params, **run.trained}.items() if path in distributions}
    is_started = state is not TrialState.WAITING
    return FrozenTrial(
        number=run.number,
        trial_id=trial_id,
        state=state,
        value=run.score,
        datetime_start=(began or ended or datetime.now()) if is_started else None,  # Optuna expects both times
        datetime_complete=(ended or began or datetime.now()) if state.is_finished() else None,
        params=params,
        distributions={path: distributions[path] for path in params},
        user_attrs=_attributes(run, link),
        system_attrs={},
        intermediate_values=dict(progress.curve) if progress else {},
    )


def _attributes(run: Run, link: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "run": run.id,
        "state": str(run.state),
        "cost": run.cost,
        "attempt": run.attempt,
        "train_seconds": round(run.train_seconds, 3),
        "eval_seconds": round(run.eval_seconds, 3),
        "source": run.prediction.source,
        "predicted_score": run.prediction.score,
        "predicted_cost": run.prediction.cost,
        "stopped_early": run.early_stop.why if run.early_stop else None,
        "failure": run.failure.message if run.failure else None,
        "wandb": link,
    }
    return {name: value for name, value in facts.items() if value is not None}
