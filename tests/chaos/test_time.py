"""Machines that sleep, wrong clocks, and work that takes longer than any timeout."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from shared.domain.events import RunCheckpointed, RunClaimed
from tests.chaos.rig import LEASE, Stage, signal_all, stage, tree_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def everything(chaos: Stage) -> list[psutil.Process]:
    return [process for _, worker in chaos.alive for process in tree_of(worker)]


@pytest.mark.parametrize("with_the_server", [True, False], ids=["the whole machine", "all workers"])
def test_a_laptop_that_slept_continues_by_itself_and_no_attempt_is_lost(tmp_path: Path, with_the_server: bool) -> None:
    with stage(tmp_path, suggester=1, trainer=1) as chaos:
        sweep = chaos.submit("budget.max_runs=3", "parallelism=1", step_seconds=0.2)
        chaos.keep_alive()
        chaos.fleet.wait_until(lambda: chaos.fleet.events(sweep, RunCheckpointed))
        asleep = everything(chaos) + with_the_server * [psutil.Process(chaos.server.pid())]

        signal_all(asleep, signal.SIGSTOP)
        time.sleep(3 * LEASE)
        signal_all(asleep[::-1], signal.SIGCONT)

        finished = chaos.wait_until_finished(sweep, seconds=60)
        assert finished.observed == 3
        assert [run.attempt for run in chaos.fleet.runs(sweep)] == [1, 1, 1]
        assert chaos.redone(sweep) == 0
        chaos.fleet.check(sweep)


def test_work_ten_times_longer_than_the_visibility_timeout_is_done_once(tmp_path: Path) -> None:
    with stage(tmp_path, suggester=1, trainer=2) as chaos:
        chaos.environment |= {"CHAOS_VISIBILITY": "1", "SWEEP_SLOTS": "1"}
        sweep = chaos.submit("budget.max_runs=1", "parallelism=1", step_seconds=1.0)

        finished = chaos.wait_until_finished(sweep, seconds=90)

        (run,) = chaos.fleet.runs(sweep)
        assert finished.observed == 1
        assert run.train_seconds >= 10
        assert len(chaos.fleet.events(sweep, RunClaimed)) == run.attempt == 1
        assert chaos.redone(sweep) == 0
        chaos.fleet.check(sweep)


def test_workers_whose_clocks_are_an_hour_off_work_normally(tmp_path: Path) -> None:
    with stage(tmp_path, suggester=1, trainer=0) as chaos:
        for hours in (-1, 1):
            chaos.fleet.start("trainer", **chaos.environment, CHAOS_CLOCK=str(3600 * hours), SWEEP_SLOTS="1")
        sweep = chaos.submit("budget.max_runs=4", "parallelism=2", step_seconds=0.3)

        finished = chaos.wait_until_finished(sweep, seconds=60)

        runs = chaos.fleet.runs(sweep)
        assert finished.observed == 4
        assert [run.attempt for run in runs] == [1] * 4
        assert all(0 < run.train_seconds < 60 for run in runs)
        assert {worker.service for worker in chaos.store.fleet.live()} == {"suggester", "trainer"}
        chaos.fleet.check(sweep)
