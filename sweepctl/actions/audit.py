"""Audit a sweep in the store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.domain.audit import Audit, audit
from shared.store.store import Store


def audit_sweep(store: Store, name: str) -> Audit:
    """Replay the log of a sweep and compare it with the records. Raises NotFound.

    A sweep that moves on meanwhile is read again: only what stands still can be compared.
    """
    while True:
        sweep = store.sweeps.get(name)
        runs = store.runs.all(name)
        events = [(event.position, event.at_ms, event.body) for event in store.sweeps.whole_log(name)]
        again = store.runs.all(name)
        if [run.version for run in again] == [run.version for run in runs]:
            return audit(sweep, runs, events)


def audit_json(found: Audit) -> dict[str, Any]:
    """Return an audit as plain data."""
    return {
        "ok": not found.problems,
        "problems": found.problems,
        "counts": found.counts,
        "lost_seconds": round(found.lost_seconds, 3),
        "attempts": [asdict(attempt) for attempt in found.attempts],
    }
