"""Hand out the runs of a sweep to a program that asks for them, and record the results that it tells."""

from __future__ import annotations

import logging
import math
import os
import secrets
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping

from services.suggester.advance_sweep import Suggester
from services.suggester.reap import Reaper
from shared.config.settings import WorkerSettings
from shared.domain.errors import Conflict, Fenced, Held, IllegalMove, Stale, StoreUnreachable
from shared.domain.run import LEASED, Failure, Run, RunState, claim, fail, observe, release
from shared.domain.sweep import Sweep, SweepState
from shared.execution.lease import Lease
from shared.queues.notifications import Notifications
from shared.store.store import Store

log = logging.getLogger(__name__)
HEARTBEATS_PER_LEASE = 4
TRIES = 20


class SweepEnded(Conflict):
    """No run can be handed out: the sweep is finished or paused, or all of its budget is in progress."""


class Asker:
    """The trainer of a sweep whose runs are carried out by a program of the user.

    A run that was asked for is held by a lease, as by a worker, while this process runs. If the process dies, the run
    is handed out again.
    """

    def __init__(self, store: Store, name: str, settings: WorkerSettings) -> None:
        silent = Notifications(None)  # no worker needs to be woken
        self._store, self._name, self._lease_ms = store, name, settings.lease_ms
        self._id = f"ask@{socket.gethostname()}:{os.getpid()}"
        self._suggester = Suggester(store, silent)
        self._reaper = Reaper(store, silent, lease_seconds=settings.lease_seconds)
        self._leases: dict[str, Lease] = {}
        self._asked_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        beat = settings.lease_seconds / HEARTBEATS_PER_LEASE
        threading.Thread(target=_renew_all, args=(weakref.ref(self), self._closed, beat), daemon=True).start()

    def ask(self) -> Run:
        """Return a run that waits, and hold it for this program. Raises SweepEnded."""
        with self._lock:
            self._reaper.reap()
            for _ in range(TRIES):
                run = self._next()
                try:
                    return self._take(run)
                except (Stale, Held, IllegalMove) as reason:
                    log.info("run %s: cannot be claimed: %s", run.id, reason)
        raise Conflict(f"sweep {self._name} changes too fast to be asked: try again")

    def tell(
        self, run_id: str, *, score: float | None, cost: float | None, failure: str | None, metrics: Mapping[str, float]
    ) -> Run:
        """Commit the result of a run: its score, or why it failed. Without a `cost` it is the time since `ask`.

        Raises ValueError for numbers that cannot be used, NotFound, and Conflict for a run that has ended or that
        another program holds.
        """
        _require_finite("score", score)
        _require_finite("cost", cost)
        if cost is not None and cost < 0:
            raise ValueError(f"cost is {cost}: it must not be negative")
        if (score is None) == (failure is None):
            raise ValueError("give either a score or failed=True")
        with self._lock:
            lease = self._leases.get(run_id) or self._take_back(run_id)
            seconds = time.monotonic() - self._asked_at[run_id]
            ended = _ended(score=score, cost=seconds if cost is None else cost, failure=failure, metrics=metrics)
            try:
                run = lease.commit(lambda run: ended(run, seconds))
            except (Fenced, IllegalMove) as reason:
                raise Conflict(f"{reason}: ask for another run") from None
            finally:
                self._leases.pop(run_id, None)
            self.settle()
            return run

    def settle(self) -> None:
        """Update the sweep from its log; a stopping sweep is finished when its last run ended."""
        self._suggester.advance(self._name, suggests=False)

    def close(self) -> None:
        """Give back the runs that were asked for and have no result."""
        self._closed.set()
        with self._lock:
            while self._leases:
                run_id, lease = self._leases.popitem()
                try:
                    lease.commit(release)
                except (Fenced, IllegalMove, StoreUnreachable) as reason:
                    log.info("run %s: cannot be given back: %s", run_id, reason)

    def renew(self) -> None:
        """Extend the leases of all runs that were asked for."""
        for lease in list(self._leases.values()):
            lease.renew(None)

    def _next(self) -> Run:
        """Return the oldest run that waits; suggest one if none waits."""
        for _ in range(2):
            if waiting := self._store.runs.in_states(self._name, [RunState.QUEUED]):
                return waiting[0]
            self._suggester.advance(self._name)
        if waiting := self._store.runs.in_states(self._name, [RunState.QUEUED]):
            return waiting[0]
        raise SweepEnded(_why_nothing(self._store.sweeps.get(self._name)))

    def _take(self, run: Run) -> Run:
        if self._store.sweeps.get(self._name).state is SweepState.PAUSED:
            raise SweepEnded(_why_nothing(self._store.sweeps.get(self._name)))
        claimed = claim(run, worker=self._id, nonce=secrets.token_hex(8), at=time.time())
        held = self._store.runs.claim(run, claimed, lease_ms=self._lease_ms)
        self._leases[run.id] = Lease(self._store.runs, held, lease_ms=self._lease_ms)
        self._asked_at[run.id] = time.monotonic()
        return held

    def _take_back(self, run_id: str) -> Lease:
        """Hold a run again that an earlier process asked for. Raises NotFound, and Conflict if it does not wait."""
        run = self._store.runs.get(run_id)
        if run.state is not RunState.QUEUED:
            whose = f", held by {run.owner.worker}" if run.state in LEASED and run.owner else ""
            raise Conflict(f"run {run_id} is {run.state}{whose}: its result cannot be recorded")
        try:
            self._take(run)
        except (Stale, Held, IllegalMove) as reason:
            raise Conflict(str(reason)) from None
        return self._leases[run_id]


def _ended(
    *, score: float | None, cost: float, failure: str | None, metrics: Mapping[str, float]
) -> Callable[[Run, float], Run]:
    def move(run: Run, seconds: float) -> Run:
        if score is None:
            return fail(run, Failure(kind="user code", message=failure or "failed"), cost=cost)
        return observe(run, score=score, cost=cost, seconds=seconds, steps=0, metrics={**metrics, "score": score})

    return move


def _require_finite(name: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        hint = ": use failed=True for a run that diverged" if name == "score" else ""
        raise ValueError(f"{name} is {value}: expected a finite number{hint}")


def _why_nothing(sweep: Sweep) -> str:
    if sweep.is_finished:
        return (
            f"sweep {sweep.name} is finished: {sweep.reason}; to continue it, raise its budget with set(max_runs=...)"
        )
    if sweep.state is SweepState.PAUSED:
        return f"sweep {sweep.name} is paused: {sweep.reason}; call resume() to continue it"
    return (
        f"sweep {sweep.name} has no run left: all of its budget is in progress; tell the results of earlier runs first"
    )


def _renew_all(asker: weakref.ref[Asker], closed: threading.Event, seconds: float) -> None:
    while not closed.wait(seconds):
        alive = asker()
        if alive is None:
            return
        try:
            alive.renew()
        except Exception:  # the next heartbeat tries again: a lease is longer than several of them
            log.exception("leases could not be renewed; retrying at the next heartbeat")
        del alive
