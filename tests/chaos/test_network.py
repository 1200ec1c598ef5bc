"""Networks that lose, delay and cut messages: workers receive again, and a worker that is cut off changes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from shared.domain.events import RunCheckpointed, RunClaimed
from tests.chaos.proxy import Proxy
from tests.chaos.rig import CHECKPOINT_EVERY, Stage, stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
A_MINUTE = 60.0


@pytest.fixture
def chaos(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path, suggester=1, trainer=1) as made:
        yield made


@pytest.fixture
def proxy(chaos: Stage) -> Iterator[Proxy]:
    """All workers that start from now on connect through it."""
    with Proxy(chaos.server.folder / "proxy.sock", chaos.server.folder / "redis.sock") as made:
        chaos.environment["REDIS_URL"] = made.url
        yield made


@contextmanager
def repeatedly(strike: Callable[[], object], *, seconds: float) -> Iterator[list[object]]:
    """Call `strike` every `seconds` in a thread, until the block ends."""
    struck: list[object] = []
    over = threading.Event()

    def work() -> None:
        while not over.wait(seconds):
            struck.append(strike())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield struck
    finally:
        over.set()
        thread.join()


def test_a_sweep_ends_although_all_clients_are_disconnected_repeatedly(chaos: Stage) -> None:
    client = redis.Redis.from_url(chaos.server.url)
    sweep = chaos.submit("budget.max_runs=4", step_seconds=0.2)
    chaos.keep_alive()
    chaos.fleet.wait_until(lambda: chaos.fleet.events(sweep, RunClaimed))

    with repeatedly(lambda: client.client_kill_filter(_type="normal"), seconds=2) as struck:
        finished = chaos.wait_until_finished(sweep, seconds=90)

    client.close()
    assert len(struck) >= 3
    assert finished.observed == 4
    assert [run.attempt for run in chaos.fleet.runs(sweep)] == [1] * 4
    assert chaos.redone(sweep) == 0
    chaos.fleet.check(sweep)


@pytest.mark.chaos
def test_workers_with_half_open_links_receive_again_within_a_minute(chaos: Stage, proxy: Proxy) -> None:
    first = chaos.submit("budget.max_runs=1", step_seconds=0.01)
    chaos.wait_until_finished(first, seconds=60)

    assert proxy.half_open() >= 4
    struck_at = time.monotonic()
    second = chaos.submit("sweep_run=second", "budget.max_runs=2", step_seconds=0.01)
    finished = chaos.wait_until_finished(second, seconds=A_MINUTE)

    print(f"heard again and done after {time.monotonic() - struck_at:.1f} s")
    assert finished.observed == 2
    chaos.fleet.check(second)


@pytest.mark.chaos
def test_a_slow_network_that_breaks_every_few_seconds_loses_nothing(chaos: Stage, proxy: Proxy) -> None:
    sweep = chaos.submit("budget.max_runs=3", step_seconds=0.1)
    chaos.keep_alive()
    chaos.fleet.wait_until(lambda: chaos.fleet.events(sweep, RunClaimed))
    proxy.delay = 0.25  # each way

    with repeatedly(proxy.reset, seconds=4) as struck:
        finished = chaos.wait_until_finished(sweep, seconds=150)

    assert struck
    assert finished.observed == 3
    lost = sum(run.attempt - 1 for run in chaos.fleet.runs(sweep))
    assert chaos.redone(sweep) <= lost * CHECKPOINT_EVERY
    chaos.fleet.check(sweep)


def test_links_that_are_cut_in_the_middle_of_a_reply_lose_nothing(chaos: Stage, proxy: Proxy) -> None:
    proxy.cut_after = 20_000
    sweep = chaos.submit("budget.max_runs=3", step_seconds=0.05)

    finished = chaos.wait_until_finished(sweep, seconds=90)

    assert finished.observed == 3
    assert chaos.redone(sweep) == 0
    chaos.fleet.check(sweep)


def test_a_trainer_that_is_cut_off_is_replaced_and_changes_nothing_when_it_is_back(chaos: Stage, proxy: Proxy) -> None:
    chaos.environment["SWEEP_SLOTS"] = "1"
    (alone,) = chaos.fleet.start("trainer", **chaos.environment)
    chaos.environment["REDIS_URL"] = chaos.server.url
    chaos.wanted["trainer"] = 0
    sweep = chaos.submit("budget.max_runs=1", "parallelism=1", step_seconds=0.4)
    chaos.keep_alive()
    chaos.fleet.wait_until(lambda: chaos.fleet.events(sweep, RunCheckpointed))

    proxy.blackhole = True
    chaos.wanted["trainer"] = 1
    chaos.keep_alive()
    chaos.fleet.wait_until(lambda: len(chaos.fleet.events(sweep, RunClaimed)) == 2)
    proxy.blackhole = False
    finished = chaos.wait_until_finished(sweep, seconds=60)

    (run,) = chaos.fleet.runs(sweep)
    assert finished.observed == 1
    assert run.attempt == 2
    moved_on = [event.kind for event in chaos.fleet.events(sweep, RunClaimed) if event.attempt == 1]
    assert not {"observed", "trained"} & set(moved_on)
    assert alone.poll() is None, "it continues with other runs"
    chaos.fleet.check(sweep)
