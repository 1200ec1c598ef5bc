"""Audit a sweep in the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from shared.domain.audit import Audit, audit
from shared.domain.run import Run
from shared.domain.sweep import Sweep, SweepState
from shared.store.store import Store


def audit_sweep(store: Store, name: str) -> Audit:
    """Replay the log of a sweep and compare it with the records. Raises NotFound.

    A sweep that changes during the reading is read again: the log and the records must be of one moment.
    """
    while True:
        before = _position(store, name)
        sweep = store.sweeps.get(name)
        runs = store.runs.all(name)
        found = audit(sweep, runs, store.sweeps.whole_log(name), abandoned=_abandoned(store, sweep, runs))
        if _position(store, name) == before:  # equal: nothing changed, since every move of a run is in the log
            return found


def _position(store: Store, name: str) -> int:
    last = store.sweeps.last_event(name)
    return last.position if last else 0


def _abandoned(store: Store, sweep: Sweep, runs: Sequence[Run]) -> Iterator[str]:
    """Yield the ids of unfinished runs without an owner and a notification; none while no suggester is running.

    Runs that the suggester will take from a silent owner, or will notify workers about again, are not among them.
    """
    if sweep.state is not SweepState.RUNNING or not any(w.service == "suggester" for w in store.fleet.live()):
        return
    held = store.runs.leased()
    due = {
        waiting.id
        for queue in {run.due_queue for run in runs if run.due_queue}
        for waiting in store.runs.due(queue, most=0)
    }
    lost = [run for run in runs if not run.is_finished and run.id not in held | due]
    yield from (run.id for run in lost if store.runs.get(run.id).version == run.version)


def audit_json(found: Audit) -> dict[str, Any]:
    """Return an audit as plain data."""
    return {
        "ok": not found.problems,
        "problems": found.problems,
        "notes": found.notes,
        "counts": found.counts,
        "unknown_events": sum(found.unknown.values()),
        "lost_seconds": round(found.lost_seconds, 3),
        "attempts": [asdict(attempt) for attempt in found.attempts],
    }
