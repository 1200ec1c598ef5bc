"""Take runs from silent workers, but not after an outage of the store, when all workers are silent."""

from __future__ import annotations

import logging
import math
import time

from shared.domain.errors import IllegalMove, NotFound, Stale, StoreUnreachable, Unreadable
from shared.domain.run import lose_attempt
from shared.queues.notifications import Notifications
from shared.store.store import Store

log = logging.getLogger(__name__)
SHORTEST_SLEEP_SECONDS = 1.0  # a shorter gap is normal on a busy machine


class Grace:
    """A pause as long as a lease after a start, after a restart of Redis, and after this process was suspended."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._until: float | None = None
        self._last: tuple[float, float, str] | None = None
        self._usual_gap = math.inf

    def is_over(self, *, now: float, clock: float, server: str) -> bool:
        """Whether leases may be taken at `now` (seconds of this machine's monotonic clock).

        `clock` is the server's time, by which leases end; `server` is the run id of the server.
        """
        if self._until is None or self._has_slept(now, clock) or (self._last and self._last[2] != server):
            self._until = now + self._lease_seconds
        self._last = now, clock, server
        return now >= self._until

    def _has_slept(self, now: float, clock: float) -> bool:
        """Whether this process or the machine was suspended since the last call, or the server's clock jumped."""
        if self._last is None:
            return False
        gap, ticked = now - self._last[0], clock - self._last[1]
        # With some settings the calls are more than half a lease apart: that is not a suspension.
        self._usual_gap = min(self._usual_gap, gap)
        much = max(self._lease_seconds / 2, SHORTEST_SLEEP_SECONDS)
        return gap > max(much, 3 * self._usual_gap) or abs(ticked - gap) > much


class Reaper:
    """Takes the runs of silent workers: they wait again, or fail if they make no progress."""

    def __init__(self, store: Store, notifications: Notifications, *, lease_seconds: float) -> None:
        self._store, self._notifications = store, notifications
        self._grace = Grace(lease_seconds)

    def reap(self) -> None:
        """Take every run whose lease has expired."""
        try:
            server, clock = self._store.sweeps.look()
        except StoreUnreachable as reason:
            log.warning("leases were not checked: %s", reason)
            return
        if not self._grace.is_over(now=time.monotonic(), clock=clock, server=server):
            return
        for run_id in self._store.runs.expired():
            self._reap(run_id)

    def _reap(self, run_id: str) -> None:
        try:
            run = self._store.runs.get(run_id)
            limits = self._store.sweeps.get(run.sweep).limits
            worker = run.owner.worker if run.owner else "unknown"
            lost = lose_attempt(run, f"worker {worker} stopped sending heartbeats", max_stuck=limits.max_stuck_attempts)
            written = self._store.runs.commit(run, lost, lease="expired")
        except (NotFound, Stale, IllegalMove, Unreadable) as reason:
            log.info("run %s: its lease is kept: %s", run_id, reason)
            return
        log.warning("run %s: %s: %s", run_id, lost.setback or lost.state, written.state)
        self._notifications.notify(written)
