"""What the workers of a fleet announce, compared: with each other, and with what a sweep was submitted with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from shared.domain.code import CodeVersion, code_difference
from shared.domain.sweep import Sweep
from shared.store.fleet import LiveWorker


def other_code(workers: Sequence[LiveWorker], sweep: Sweep) -> list[str]:
    """Return a sentence for each worker whose code is not that of the sweep's submit."""
    found = []
    for worker in workers:
        why = worker.differs.get(sweep.name) or _other_package(worker, sweep)
        found += [f"{worker.id} has other code than sweep {sweep.name}: {why}"] if why else []
    return found


def other_code_than_any(workers: Sequence[LiveWorker], sweeps: Collection[str]) -> list[str]:
    """Return a sentence for each worker and each of the `sweeps` that it met with other code."""
    return [
        f"{worker.id} has other code than sweep {name}: {why}"
        for worker in workers
        for name, why in worker.differs.items()
        if name in sweeps
    ]


def _other_package(worker: LiveWorker, sweep: Sweep) -> str | None:
    # A worker that has not met the sweep yet told its package all the same.
    if not worker.code or sweep.is_finished:
        return None
    return code_difference(sweep.code, CodeVersion(package=worker.code))


def who_says_what(workers: Sequence[LiveWorker], says: Callable[[LiveWorker], str]) -> dict[str, list[str]]:
    """Return who announces which value; those that announce none are left out."""
    found: dict[str, list[str]] = {}
    for worker in workers:
        if value := says(worker):
            found.setdefault(value, []).append(worker.id)
    return found


def tell_apart(found: dict[str, list[str]]) -> str:
    """Return several values with the workers that announce each: `0.1.0 by a and b; 0.2.0 by c`."""
    return "; ".join(f"{value} by {' and '.join(ids)}" for value, ids in found.items())
