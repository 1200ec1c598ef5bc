"""Runs of silent workers are taken from them, one by one and never in a mass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from services.suggester.reap import Grace, Reaper
from shared.domain.run import Run, RunState, cancel, claim
from shared.queues.notifications import Notifications
from shared.store import keys
from shared.store.store import Store
from tests.logs import kinds_of

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, AWorker

LEASE = 20.0


class Clock:
    """A worker and a server whose clocks agree until one of them is changed."""

    def __init__(self, lease_seconds: float = LEASE) -> None:
        self.grace = Grace(lease_seconds)
        self.now, self.server_time, self.server = 100.0, 1e9, "first"

    def after(self, seconds: float, *, every: float = 1.0) -> bool:
        """Look `every` so often for `seconds` and return what the last look said."""
        over = False
        while seconds > 0:
            self.now, self.server_time, seconds = self.now + every, self.server_time + every, seconds - every
            over = self.grace.is_over(now=self.now, clock=self.server_time, server=self.server)
        return over


def test_a_reaper_that_has_just_started_waits_one_lease() -> None:
    clock = Clock()

    assert not clock.after(LEASE)
    assert clock.after(2)


def test_after_a_restart_of_the_server_it_waits_again() -> None:
    clock = Clock()
    assert clock.after(2 * LEASE)

    clock.server = "second"

    assert not clock.after(LEASE)
    assert clock.after(2)


def test_after_a_sleep_of_its_own_it_waits_again() -> None:
    clock = Clock()
    assert clock.after(2 * LEASE)

    assert not clock.after(LEASE, every=LEASE)
    assert not clock.after(LEASE - 1)
    assert clock.after(2)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, LEASE])
def test_after_a_jump_of_the_servers_clock_it_waits_again(jump: float) -> None:
    clock = Clock()
    assert clock.after(2 * LEASE)

    clock.server_time += jump

    assert not clock.after(LEASE)
    assert clock.after(2)


def test_a_little_drift_between_the_clocks_is_no_jump() -> None:
    clock = Clock()
    assert clock.after(2 * LEASE)

    clock.server_time += 0.5

    assert clock.after(1)


def test_looks_that_are_further_apart_than_a_lease_are_no_sleep() -> None:
    clock = Clock(lease_seconds=5)

    assert clock.after(100, every=10)


# ------------------------------------------------------------------------------------------------ on a real server


@pytest.fixture
def notifications(a_worker: AWorker) -> Notifications:
    """Real ones."""
    return a_worker("suggester", "suggest", "results").notifications


@pytest.fixture
def reaper(store: Store, notifications: Notifications) -> Reaper:
    """A reaper whose grace is over."""
    reaper = Reaper(store, notifications, lease_seconds=0.001)
    reaper.reap()
    time.sleep(0.01)
    return reaper


@pytest.fixture
def silent(store: Store, a_run: ARun, a_sweep: ASweep) -> Callable[..., Run]:
    """Claim a run of sweep `s` for a worker that never renews its lease."""
    store.sweeps.create(a_sweep(limits={"max_stuck_attempts": 2}))

    def make(number: int = 1, *, lease_ms: int = 1) -> Run:
        sweep = store.sweeps.get("s")
        store.sweeps.commit(sweep, sweep.move("", created=number), [a_run(number=number)])
        run = store.runs.get(f"s.r.{number}")
        held = store.runs.claim(run, claim(run, worker="gone", nonce="n", at=0.0), lease_ms=lease_ms)
        time.sleep(0.005)
        return held

    return make


def test_a_silent_workers_run_waits_again_and_workers_are_notified(
    store: Store, reaper: Reaper, silent: Callable[..., Run]
) -> None:
    run = silent()

    reaper.reap()

    taken = store.runs.get(run.id)
    assert (taken.state, taken.setback, taken.stuck_attempts) == (
        RunState.QUEUED,
        "worker gone stopped sending heartbeats",
        1,
    )
    assert store.runs.messages("gpu") == 1
    assert store.runs.renew(run, lease_ms=1000) == "FENCED"


def test_a_run_whose_lease_is_renewed_stays_with_its_worker(
    store: Store, reaper: Reaper, silent: Callable[..., Run]
) -> None:
    run = silent(lease_ms=60_000)

    reaper.reap()

    assert store.runs.get(run.id) == run


def test_a_run_that_is_taken_too_often_fails_and_the_suggester_is_notified(
    store: Store, reaper: Reaper, silent: Callable[..., Run]
) -> None:
    run = silent()
    reaper.reap()
    waiting = store.runs.get(run.id)
    store.runs.claim(waiting, claim(waiting, worker="gone", nonce="n", at=0.0), lease_ms=1)
    time.sleep(0.005)

    reaper.reap()

    failed = store.runs.get(run.id)
    assert failed.state is RunState.FAILED
    assert failed.failure is not None
    assert failed.failure.message == "2 attempts without progress; the last one: worker gone stopped sending heartbeats"
    assert store.runs.messages("results") == 1


def test_a_cancelled_run_of_a_dead_worker_is_ended(store: Store, reaper: Reaper, silent: Callable[..., Run]) -> None:
    run = silent()
    store.runs.commit(run, cancel(run), lease="keep")

    reaper.reap()

    assert store.runs.get(run.id).state is RunState.CANCELLED


def test_two_reapers_take_a_run_once(
    store: Store, reaper: Reaper, notifications: Notifications, silent: Callable[..., Run]
) -> None:
    other = Reaper(store, notifications, lease_seconds=0.001)
    other.reap()
    time.sleep(0.01)
    run = silent()

    reaper.reap()
    other.reap()

    assert store.runs.get(run.id).stuck_attempts == 1
    assert kinds_of(store).count("lost") == 1


def test_a_run_that_cannot_be_read_does_not_keep_the_others_from_being_taken(
    store: Store, reaper: Reaper, silent: Callable[..., Run]
) -> None:
    silent(1)
    store.client.hset(keys.runs("s"), "1", '{"version": 9, "schema_version": 2}')
    run = silent(2)

    reaper.reap()

    assert store.runs.get(run.id).state is RunState.QUEUED


def test_a_reaper_that_has_just_started_takes_nothing(
    store: Store, notifications: Notifications, silent: Callable[..., Run]
) -> None:
    run = silent()

    Reaper(store, notifications, lease_seconds=60).reap()

    assert store.runs.get(run.id) == run
