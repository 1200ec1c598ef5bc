"""The event of a record's last move: what a replay of the log needs, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain.events import (
    EarlierObservation,
    RunAdopted,
    RunCancelled,
    RunCancelRequested,
    RunCheckpointed,
    RunClaimed,
    RunDamaged,
    RunFailed,
    RunFellBack,
    RunLost,
    RunMoved,
    RunObserved,
    RunReleased,
    RunRetried,
    RunStoppedEarly,
    RunSuggested,
    RunTrained,
    SweepEnqueued,
    SweepFinished,
    SweepLimited,
    SweepMoved,
    SweepPaused,
    SweepReopened,
    SweepRestored,
    SweepResumed,
    SweepStopping,
    SweepSubmitted,
)
from shared.domain.run import EarlyStop, Run
from shared.domain.sweep import Limits, Sweep


def suggested(
    run: Run, *, memory: Mapping[str, Any], seen: int | None = None, reasons: Mapping[str, float] | None = None
) -> RunSuggested:
    """Return the event of a new run with what the optimizer knew: nothing but its `memory` after a restore."""
    known = _given(seen=seen, memory=dict(memory), reasons=None if reasons is None else dict(reasons))
    return RunSuggested(run=run.number, params=run.params, **_expected(run), **known)


def submitted(sweep: Sweep, observations: Sequence[Mapping[str, Any]] = ()) -> SweepSubmitted:
    """Return the event of a new sweep with what it begins with."""
    earlier = tuple(EarlierObservation(**one) for one in observations)
    known = _given(observations=earlier or None, memory=sweep.memory or None)
    return SweepSubmitted(state=sweep.state, reason=sweep.reason, **known)


def event_of_run(run: Run, before: Run | None = None) -> RunMoved:
    """Return the event of the run's last move, from `before`. A field that is not set is not written."""
    number, checkpoint = run.number, run.checkpoint
    match run.last_move:
        case "suggested":
            return RunSuggested(run=number, params=run.params, **_expected(run))
        case "adopted":
            early = _given(early_stop=_only_given(run.early_stop))
            return RunAdopted(run=number, params=run.params, origin=run.origin, step=run.steps, **early)
        case "claimed" if run.owner is not None:
            return RunClaimed(
                run=number,
                state=run.state,
                attempt=run.attempt,
                worker=run.owner.worker,
                step=checkpoint.step if checkpoint else 0,
                **_given(code=run.other_code),
            )
        case "checkpointed":
            return RunCheckpointed(run=number, step=run.steps)
        case "fell back":
            return RunFellBack(run=number, step=run.steps)
        case "stopped early" if run.early_stop is not None:
            return RunStoppedEarly(run=number, **run.early_stop.model_dump(exclude_none=True))
        case "cancel requested":
            return RunCancelRequested(run=number)
        case "trained":
            return RunTrained(run=number, step=run.steps)
        case "released":
            return RunReleased(run=number, step=run.steps)
        case "lost":
            return RunLost(run=number, why=run.setback)
        case "damaged":
            return RunDamaged(run=number, why=run.setback, step=run.steps)
        case _:
            return _end_or_retry(run, before)


def _end_or_retry(run: Run, before: Run | None) -> RunMoved:
    match run.last_move:
        case "observed" if run.score is not None and run.cost is not None:
            more = _given(trained=run.trained or None, earlier=run.earlier or None)
            return RunObserved(run=run.number, score=run.score, cost=run.cost, **more)
        case "failed":
            return RunFailed(run=run.number, cost=run.cost, failure=run.failure.kind if run.failure else None)
        case "cancelled":
            return RunCancelled(run=run.number)
        case "retried" if before is not None:
            taken_back = {"was": before.state, "cost": before.cost or 0.0}
            return RunRetried(run=run.number, params=run.params, state=run.state, step=run.steps, **taken_back)
    raise AssertionError(f"run {run.id}: {run.last_move!r} is no move of a run")


def event_of_sweep(sweep: Sweep) -> SweepMoved:
    """Return the event of the sweep's last move."""
    now: dict[str, Any] = {"state": sweep.state, "reason": sweep.reason}
    match sweep.last_move:
        case "submitted":
            return submitted(sweep)
        case "enqueued":
            return SweepEnqueued(**now, params=sweep.enqueued[-1])
        case "limited":
            return SweepLimited(**now, limits=Limits(**sweep.limits.model_dump()))  # all are written, defaults, too
    for event in (SweepPaused, SweepResumed, SweepStopping, SweepFinished, SweepReopened, SweepRestored):
        if event.model_fields["kind"].default == sweep.last_move:
            return event(**now)
    raise AssertionError(f"sweep {sweep.name}: {sweep.last_move!r} is no move of a sweep")


def _expected(run: Run) -> dict[str, Any]:
    return run.prediction.model_dump(exclude_none=True)


def _only_given(stop: EarlyStop | None) -> EarlyStop | None:
    return None if stop is None else EarlyStop(**stop.model_dump(exclude_none=True))


def _given(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value: no other one is written."""
    return {name: value for name, value in fields.items() if value is not None}
