"""How a slot finds its run: the one that its notification names or, if that is taken, the next due one."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared.config.frozen import job_of
from shared.domain.errors import ConfigError, Held, IllegalMove, NotFound, Stale, SweepError, Unreadable
from shared.domain.refusal import VERSION, Refusal
from shared.domain.run import Run, RunState, claim, sweep_of
from shared.domain.sweep import Sweep
from shared.execution.lease import Lease
from shared.execution.slots import Slot
from shared.execution.worker import Worker
from shared.queues.names import RUN_QUEUES

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claimed:
    """A run that this worker owns now, with its sweep and its slot."""

    lease: Lease
    sweep: Sweep
    slot: Slot


Refuses = Callable[[Run, Sweep], Refusal | None]
"""Returns why this worker cannot take the run; None if it can."""


def serve_due_runs(worker: Worker, hint: str, work: Callable[[Claimed], None], *, refuses: Refuses) -> None:
    """Claim and `work` on one run after the other until none is due. The notification's run, `hint`, comes first."""
    while not worker.lifecycle.shutdown.is_set():
        claimed = claim_next(worker, hint, refuses=refuses)
        if claimed is None:
            return
        try:
            work(claimed)
        finally:
            worker.slots.give_back(claimed.lease.run.id)


def claim_next(worker: Worker, hint: str, *, refuses: Refuses) -> Claimed | None:
    """Claim the first due run that this worker can take; return None if there is none."""
    for run_id in _candidates(worker, hint):
        try:
            run = worker.store.runs.get(run_id)
            if run.due_queue not in worker.queues:
                continue
            sweep = worker.store.sweeps.get(run.sweep)
            if refusal := refuses(run, sweep):
                _refuse(worker, run_id, refusal)
                continue
            worker.refusals.withdraw(sweep.name, run_id)
            # An evaluation plays on one GPU, however many the training had.
            gpus = job_of(sweep).trainer.gpus_per_run if run.state is RunState.QUEUED else 1
        except NotFound as reason:
            log.info("run %s: not claimed: %s", run_id, reason)
            continue
        except (ConfigError, Unreadable) as reason:  # of another version: the run stays due for a worker of that one
            _refuse(worker, run_id, Refusal(kind=VERSION, reason=str(reason)))
            continue
        slot = worker.slots.take(run_id, gpus=gpus)
        if slot is None:
            continue
        lease: Lease | None = None
        try:
            lease = _claim(worker, run, other_code=worker.code.differs_from(sweep))
        finally:  # also where the store cannot be reached
            if lease is None:
                worker.slots.give_back(run_id)
        if lease is not None:
            return Claimed(lease, sweep, slot)
    return None


def _refuse(worker: Worker, run_id: str, refusal: Refusal) -> None:
    """Leave a run due for other workers; log and announce a new reason at once, but not again and again."""
    if not worker.refusals.add(sweep_of(run_id)[0], run_id, refusal):
        return
    log.warning("cannot run %s on this worker: %s", run_id, refusal)
    if worker.lifecycle.shutdown.is_set():
        return
    try:
        worker.announce()
    except SweepError as reason:
        log.info("could not announce this yet: %s", reason)


def _claim(worker: Worker, run: Run, *, other_code: str | None) -> Lease | None:
    try:
        nonce = secrets.token_hex(8)
        claimed = claim(run, worker=worker.id, nonce=nonce, at=time.time(), other_code=other_code)
        held = worker.store.runs.claim(run, claimed, lease_ms=worker.settings.lease_ms)
    except (IllegalMove, Stale, Held) as reason:
        log.info("run %s: not claimed: %s", run.id, reason)
        return None
    return Lease(worker.store.runs, held, lease_ms=worker.settings.lease_ms)


def _candidates(worker: Worker, hint: str) -> Iterator[str]:
    yield hint
    for queue in worker.queues:
        if queue in RUN_QUEUES:
            yield from (due.id for due in worker.store.runs.due(queue) if due.id != hint)
