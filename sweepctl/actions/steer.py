"""Pause, resume, stop, cancel: each a move of the domain, committed."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain import run as run_moves
from shared.domain import sweep as sweep_moves
from shared.domain.errors import Conflict, IllegalMove, Stale
from shared.domain.run import WAITING, Run
from shared.domain.sweep import Sweep
from shared.store.store import Store

TRIES = 20


def pause_sweep(store: Store, name: str) -> Sweep:
    """Let nothing of the sweep be claimed. Raises Conflict when it is not running."""
    paused = _move_sweep(store, name, lambda sweep: sweep_moves.pause(sweep, "paused by hand"))
    for run in store.runs.in_states(name, WAITING):
        store.runs.unring(run)
    return paused


def resume_sweep(store: Store, name: str) -> Sweep:
    """Let a paused or stopping sweep go on. Raises Conflict when there is nothing to resume."""
    resumed = _move_sweep(store, name, sweep_moves.resume)
    for run in store.runs.in_states(name, WAITING):
        store.runs.ring_again(run)
    return resumed


def stop_sweep(store: Store, name: str) -> Sweep:
    """Suggest nothing more; what was started ends. Raises Conflict when it is over or stopping already."""
    return _move_sweep(store, name, sweep_moves.stop)


def cancel_run(store: Store, run_id: str) -> Run:
    """Cancel a run; one that somebody works on ends at its next heartbeat. Raises Conflict when it is over."""
    for _ in range(TRIES):
        run = store.runs.get(run_id)
        try:
            return store.runs.commit(run, run_moves.cancel(run), lease="keep" if run.owner else "drop")
        except Stale:
            continue
        except IllegalMove as reason:
            raise Conflict(str(reason)) from None
    raise Conflict(f"run {run_id} changes too fast to be cancelled: try again")


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
