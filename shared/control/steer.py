"""Pause, resume, stop, cancel: each commits a move of the domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.config.compose import check_values
from shared.config.frozen import job_of
from shared.config.overrides import read_values
from shared.config.searched import space_of
from shared.domain.errors import ConfigError, Conflict, IllegalMove, Stale
from shared.domain.run import WAITING, Params, Run, cancel
from shared.domain.sweep import Sweep, enqueue, limit, pause, resume, stop
from shared.domain.wording import nearest
from shared.store.store import Store

if TYPE_CHECKING:  # numpy would slow every command down
    from shared.domain.search_space import SearchSpace

TRIES = 20
LIMITS = {
    "budget.max_runs": "max_runs",
    "budget.max_cost": "max_cost",
    "budget.max_hours": "max_hours",
    "budget.target_score": "target_score",
    "parallelism": "parallelism",
    "look_ahead": "look_ahead",
    "max_consecutive_failures": "max_consecutive_failures",
    "max_stuck_attempts": "max_stuck_attempts",
}


def pause_sweep(store: Store, name: str) -> Sweep:
    """Pause a sweep: its runs cannot be claimed. Raises Conflict when it is not running."""
    paused = _move_sweep(store, name, lambda sweep: pause(sweep, "paused by hand"))
    for run in store.runs.in_states(name, WAITING):
        store.runs.unmark_due(run)
    return paused


def resume_sweep(store: Store, name: str) -> Sweep:
    """Resume a paused or stopping sweep. Raises Conflict when there is nothing to resume."""
    resumed = _move_sweep(store, name, resume)
    for run in store.runs.in_states(name, WAITING):
        store.runs.mark_due(run)
    return resumed


def stop_sweep(store: Store, name: str) -> Sweep:
    """Stop a sweep: it gets no more suggestions, and its runs in progress end.

    Raises Conflict when it is over or stopping already.
    """
    return _move_sweep(store, name, stop)


def enqueue_run(store: Store, name: str, texts: Sequence[str]) -> Params:
    """Let the next run of the sweep have the parameters of `texts`, key=value each. As `enqueue_params`."""
    return enqueue_params(store, name, read_values(texts))


def enqueue_params(store: Store, name: str, asked: Mapping[str, Any]) -> Params:
    """Let the next run of the sweep have these parameters; a missing one is taken from the search centre.

    Raises ConfigError for parameters that the sweep does not have or that would be inactive, Conflict when it starts
    no more runs.
    """
    space = space_of(job_of(store.sweeps.get(name)))
    params = space.completed(asked)
    if inactive := [path for path in asked if path not in params]:
        raise ConfigError(_why_inactive(space, inactive[0]), path=inactive[0], remedy="remove it")
    if broken := [constraint.text for constraint in space.constraints if not constraint.allows(params)]:
        raise ConfigError(f"these parameters do not meet {' and '.join(broken)}", remedy="change them")
    _move_sweep(store, name, lambda sweep: enqueue(sweep, params))
    return params


def change_limits(store: Store, name: str, texts: Sequence[str]) -> Sweep:
    """Change the budget and the parallelism of a sweep; `texts` are key=value as in a config. As `set_limits`."""
    return set_limits(store, name, read_values(texts))


def set_limits(store: Store, name: str, values: Mapping[str, Any]) -> Sweep:
    """Change the budget and the parallelism of a sweep, by keys of the config.

    A finished sweep continues if its new budget has room. Raises ConfigError for other keys and invalid values,
    Conflict for values that the state of the sweep forbids.
    """
    for key in values:
        if key not in LIMITS:
            problem, expected = "cannot be changed after the submit", f"one of {', '.join(LIMITS)}"
            raise ConfigError(problem, path=key, meant=nearest(key, LIMITS), expected=expected)
    sweep, now = store.sweeps.get(name), store.sweeps.now()
    changes = {LIMITS[key]: value for key, value in check_values(job_of(sweep), values).items()}
    track_again(store, sweep)
    return _move_sweep(store, name, lambda sweep: limit(sweep, now=now, **changes))


def track_again(store: Store, sweep: Sweep) -> None:
    """Let the tracker of a finished sweep start at the end of the log: it gets only the events after a resume."""
    last = store.sweeps.last_event(sweep.name) if sweep.is_finished else None
    if last and sweep.is_tracked and sweep.name not in store.sweeps.tracked():
        store.sweeps.set_tracked_position(sweep.name, last.position)


def cancel_run(store: Store, run_id: str) -> Run:
    """Cancel a run; a run in progress ends at its next heartbeat. Raises Conflict when it is over.

    Raises ConfigError for the name of a sweep.
    """
    if store.sweeps.find(run_id):
        problem = f"{run_id} is a sweep, and only a run can be cancelled"
        raise ConfigError(problem, remedy=f"run `sweepctl stop {run_id}` to end the sweep")
    for _ in range(TRIES):
        run = store.runs.get(run_id)
        try:
            return store.runs.commit(run, cancel(run), lease="keep" if run.owner else "drop")
        except Stale:
            continue
        except IllegalMove as reason:
            raise Conflict(str(reason)) from None
    raise Conflict(f"run {run_id} changes too fast to be cancelled: try again")


def _why_inactive(space: SearchSpace, path: str) -> str:
    when = next((" and ".join(map(str, p.when)) for p in space.parameters if p.path == path), None)
    return f"inactive in this run, because it is active only where {when}" if when else "never active in this sweep"


def _move_sweep(store: Store, name: str, move: Callable[[Sweep], Sweep]) -> Sweep:
    for _ in range(TRIES):
        sweep = store.sweeps.get(name)
        try:
            return store.sweeps.commit(sweep, move(sweep))
        except Stale:
            continue
        except IllegalMove as reason:
            raise Conflict(str(reason)) from None
    raise Conflict(f"sweep {name} changes too fast: try again")
