"""Take runs from workers that fell silent, but never in a mass: an outage of the store silences everybody."""

from __future__ import annotations

import logging
import math
import time

from shared.domain.errors import IllegalMove, NotFound, Stale, StoreUnreachable, Unreadable
from shared.domain.run import lose_attempt
from shared.queues.notifications import Notifications
from shared.store.store import Store

log = logging.getLogger(__name__)
SHORTEST_SLEEP_SECONDS = 1.0  # less is a busy machine


class Grace:
    """One lease of patience after a start, a restart of Redis, and any time we were away ourselves."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._until: float | None = None
        self._last: tuple[float, float, str] | None = None
        self._usual_gap = math.inf

    def is_over(self, *, now: float, clock: float, server: str) -> bool:
        """Whether leases may be taken at `now` (seconds of our monotonic clock).

        `clock` is the server's time, which the leases end by; `server` is its run id.
        """
        if self._until is None or self._has_slept(now, clock) or (self._last and self._last[2] != server):
            self._until = now + self._lease_seconds
        self._last = now, clock, server
        return now >= self._until

    def _has_slept(self, now: float, clock: float) -> bool:
        """Whether we, or the machine, slept since the last look, or the server's clock jumped."""
        if self._last is None:
            return False
        gap, ticked = now - self._last[0], clock - self._last[1]
        # Looks may be further apart than half a lease, if somebody set them so: that is no sleep.
        self._usual_gap = min(self._usual_gap, gap)
        much = max(self._lease_seconds / 2, SHORTEST_SLEEP_SECONDS)
        return gap > max(much, 3 * self._usual_gap) or abs(ticked - gap) > much


class Reaper:
    """Gives the runs of silent workers back to the queue, or fails those that make no progress."""

    def __init__(self, store: Store, notifications: Notifications, *, lease_seconds: float) -> None:
        self._store, self._notifications = store, notifications
        self._grace = Grace(lease_seconds)

    def reap(self) -> None:
        """Take every run whose lease has run out."""
        try:
            server, clock = self._store.sweeps.look()
        except StoreUnreachable as reason:
            log.warning("no look at the leases: %s", reason)
            return
        if not self._grace.is_over(now=time.monotonic(), clock=clock, server=server):
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
        except (NotFound, Stale, IllegalMove, Unreadable) as reason:
            log.info("run %s is not taken: %s", run_id, reason)
            return
        log.warning("run %s: %s: %s", run_id, lost.setback or lost.state, written.state)
        self._notifications.notify(written)
