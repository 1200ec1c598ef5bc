"""Take runs from workers that fell silent, but never in a mass: an outage of the store silences everybody."""

from __future__ import annotations

import logging
import time

from shared.domain.errors import IllegalMove, NotFound, Stale, StoreUnreachable
from shared.domain.run import lose_attempt
from shared.queues.doorbells import Doorbells
from shared.store.store import Store

log = logging.getLogger(__name__)


class Grace:
    """One lease of patience after a start, a restart of Redis, and any time we were away ourselves."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._until: float | None = None
        self._last_look: float | None = None
        self._server: str | None = None

    def is_over(self, *, now: float, server: str) -> bool:
        """Whether leases may be taken at `now` (seconds of a monotonic clock) from a server with this run id."""
        slept = self._last_look is not None and now - self._last_look > self._lease_seconds / 2
        if self._until is None or slept or server != self._server:
            self._until = now + self._lease_seconds
        self._last_look, self._server = now, server
        return now >= self._until


class Reaper:
    """Gives the runs of silent workers back to the queue, or fails those that make no progress."""

    def __init__(self, store: Store, doorbells: Doorbells, *, lease_seconds: float) -> None:
        self._store, self._doorbells = store, doorbells
        self._grace = Grace(lease_seconds)

    def reap(self) -> None:
        """Take every run whose lease has run out."""
        try:
            server = self._store.sweeps.server_run_id()
        except StoreUnreachable as reason:
            log.warning("no look at the leases: %s", reason)
            return
        if not self._grace.is_over(now=time.monotonic(), server=server):
            return
        for run_id in self._store.runs.expired():
            self._reap(run_id)

    def _reap(self, run_id: str) -> None:
        try:
            run = self._store.runs.get(run_id)
            limits = self._store.sweeps.get(run.sweep).limits
            worker = run.owner.worker if run.owner else "nobody"
            lost = lose_attempt(run, f"worker {worker} fell silent", max_stuck=limits.max_stuck_attempts)
            written = self._store.runs.commit(run, lost, lease="expired")
        except (NotFound, Stale, IllegalMove) as reason:
            log.info("run %s is not taken: %s", run_id, reason)
            return
        log.warning("run %s: %s: %s", run_id, lost.setback or lost.state, written.state)
        self._doorbells.ring(written)
