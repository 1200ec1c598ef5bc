"""Which live workers cannot take runs of a sweep, and the reasons that they announce."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from shared.control.agreement import workers_by_value
from shared.domain.run import EVAL_QUEUE
from shared.domain.sweep import Sweep
from shared.store.fleet import LiveWorker


def refused_by(workers: Sequence[LiveWorker], sweeps: Collection[str]) -> list[str]:
    """Return a sentence for each of the `sweeps` and each reason why workers cannot take runs of it."""
    return [sentence for name in sweeps for sentence in _sentences(workers, name)]


def refused_everywhere(workers: Sequence[LiveWorker], sweep: Sweep) -> list[str]:
    """Return a sentence for each reason why no live worker can train, or evaluate, the runs of a sweep."""
    if sweep.is_finished:
        return []
    found: list[str] = []
    for service, queue in (("trainer", sweep.queue), ("evaluator", EVAL_QUEUE)):
        group = [worker for worker in workers if worker.service == service and queue in worker.queues]
        if all(sweep.name in worker.refusals for worker in group):
            found += _sentences(group, sweep.name)
    return found


def _sentences(workers: Sequence[LiveWorker], sweep: str) -> Iterator[str]:
    reasons = workers_by_value(workers, lambda worker: str(worker.refusals.get(sweep, "")))
    return (f"{' and '.join(ids)} cannot run {sweep}: {reason}" for reason, ids in reasons.items())
