"""How a slot that wakes finds its run: the one its notification names or, if that is taken, the next that is due."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared.config.frozen import job_of
from shared.domain.errors import ConfigError, Held, IllegalMove, NotFound, Stale, Unreadable
from shared.domain.run import Run, RunState, claim
from shared.domain.sweep import Sweep
from shared.execution.lease import Lease
from shared.execution.slots import Slot
from shared.execution.worker import Worker
from shared.queues.names import RUN_QUEUES

log = logging.getLogger(__name__)

MOST_TOLD = 1000


@dataclass(frozen=True)
class Claimed:
    """A run that is ours now, with its sweep and the place that it got."""

    lease: Lease
    sweep: Sweep
    slot: Slot


Declines = Callable[[Run, Sweep], str | None]
"""Says why this worker cannot take the run; None if it can."""


def serve_due_runs(worker: Worker, hint: str, work: Callable[[Claimed], None], *, declines: Declines) -> None:
    """Claim and `work` on one run after the other until none is due. The notification's run, `hint`, comes first."""
    while not worker.lifecycle.shutdown.is_set():
        claimed = claim_next(worker, hint, declines=declines)
        if claimed is None:
            return
        try:
            work(claimed)
        finally:
            worker.slots.give_back(claimed.lease.run.id)


def claim_next(worker: Worker, hint: str, *, declines: Declines) -> Claimed | None:
    """Claim the first run that is due here; None if there is none."""
    for run_id in _candidates(worker, hint):
        try:
            run = worker.store.runs.get(run_id)
            if run.due_queue not in worker.queues:
                continue
            sweep = worker.store.sweeps.get(run.sweep)
            if reason := declines(run, sweep):
                _tell_left(worker, run_id, reason)
                continue
            # An evaluation plays on one GPU, however many the training had.
            gpus = job_of(sweep).trainer.gpus_per_run if run.state is RunState.QUEUED else 1
        except NotFound as reason:
            log.info("left run %s alone: %s", run_id, reason)
            continue
        except (ConfigError, Unreadable) as reason:  # of another version: it stays due for a worker of that one
            _tell_left(worker, run_id, str(reason))
            continue
        slot = worker.slots.take(run_id, gpus=gpus)
        if slot is None:
            continue
        lease: Lease | None = None
        try:
            lease = _claim(worker, run, other_code=worker.code.differs_from(sweep))
        finally:  # the store may have gone away, too
            if lease is None:
                worker.slots.give_back(run_id)
        if lease is not None:
            return Claimed(lease, sweep, slot)
    return None


def _tell_left(worker: Worker, run_id: str, reason: str) -> None:
    """Say it once: the runs of a sweep are looked at again and again, and are left for the same reason."""
    told = (run_id.rpartition(".r.")[0], reason)
    if told in worker.left:
        return
    if len(worker.left) >= MOST_TOLD:
        worker.left.clear()
    worker.left.add(told)
    log.warning("left run %s to others: %s", run_id, reason)


def _claim(worker: Worker, run: Run, *, other_code: str | None) -> Lease | None:
    try:
        nonce = secrets.token_hex(8)
        claimed = claim(run, worker=worker.id, nonce=nonce, at=time.time(), other_code=other_code)
        held = worker.store.runs.claim(run, claimed, lease_ms=worker.settings.lease_ms)
    except (IllegalMove, Stale, Held) as reason:
        log.info("left run %s alone: %s", run.id, reason)
        return None
    return Lease(worker.store.runs, held, lease_ms=worker.settings.lease_ms)


def _candidates(worker: Worker, hint: str) -> Iterator[str]:
    yield hint
    for queue in worker.queues:
        if queue in RUN_QUEUES:
            yield from (due.id for due in worker.store.runs.due(queue) if due.id != hint)
