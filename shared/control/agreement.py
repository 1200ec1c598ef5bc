"""Compare what workers announce: with each other, and with the code that a sweep was submitted with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from shared.domain.code import CodeVersion, code_difference
from shared.domain.sweep import Sweep
from shared.store.fleet import LiveWorker


def other_code(workers: Sequence[LiveWorker], sweep: Sweep) -> list[str]:
    """Return a sentence for each worker whose code differs from the code that the sweep was submitted with."""
    found = []
    for worker in workers:
        why = worker.differs.get(sweep.name) or _other_package(worker, sweep)
        found += [f"{worker.id} has other code than sweep {sweep.name}: {why}"] if why else []
    return found


def other_code_than_any(workers: Sequence[LiveWorker], sweeps: Collection[str]) -> list[str]:
    """Return a sentence for each worker and each of the `sweeps` for which it has other code."""
    return [
        f"{worker.id} has other code than sweep {name}: {why}"
        for worker in workers
        for name, why in worker.differs.items()
        if name in sweeps
    ]


def _other_package(worker: LiveWorker, sweep: Sweep) -> str | None:
    # Also a worker that has not seen the sweep yet has announced its package.
    if not worker.code or sweep.is_finished:
        return None
    return code_difference(sweep.code, CodeVersion(package=worker.code))


def workers_by_value(workers: Sequence[LiveWorker], value_of: Callable[[LiveWorker], str]) -> dict[str, list[str]]:
    """Return the ids of the workers by the value that they announce; workers without a value are left out."""
    found: dict[str, list[str]] = {}
    for worker in workers:
        if value := value_of(worker):
            found.setdefault(value, []).append(worker.id)
    return found


def list_values(found: dict[str, list[str]]) -> str:
    """Return the values as text, each with the workers that announce it: `0.1.0 by a and b; 0.2.0 by c`."""
    return "; ".join(f"{value} by {' and '.join(ids)}" for value, ids in found.items())
