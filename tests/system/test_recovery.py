"""Workers die, and every run is still observed exactly once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from shared.control.restore import restore
from shared.domain.events import RunCheckpointed, RunClaimed, RunObserved, RunReleased
from shared.domain.run import RunState

if TYPE_CHECKING:
    from tests.fleet import Fleet

pytestmark = pytest.mark.slow
SLOW_RUN = ("trainer.steps=40", "trainer.step_seconds=0.1", "budget.max_runs=1")


both_stores = pytest.mark.parametrize("url", ["embedded", "tcp"], indirect=True)


@both_stores
def test_a_run_whose_trainer_is_killed_resumes_from_its_checkpoint_and_is_observed_once(fleet: Fleet) -> None:
    sweep = fleet.submit(*SLOW_RUN)
    _, trainer = fleet.start("suggester", "trainer")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunCheckpointed)) >= 5)

    trainer.send_signal(signal.SIGKILL)
    fleet.start("trainer")
    finished = fleet.wait_until_finished(sweep)

    first, second = fleet.events(sweep, RunClaimed)
    assert first.step == 0
    assert second.step >= 5
    assert len(fleet.events(sweep, RunObserved)) == finished.observed == 1
    fleet.check(sweep)


def test_the_training_of_a_killed_worker_ends_with_it(fleet: Fleet) -> None:
    sweep = fleet.submit(*SLOW_RUN)
    _, trainer = fleet.start("suggester", "trainer")
    fleet.wait_until(lambda: fleet.events(sweep, RunCheckpointed))
    children = psutil.Process(trainer.pid).children(recursive=True)
    assert children

    trainer.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=5)

    assert alive == []


def test_a_run_whose_trainer_gets_sigterm_is_claimed_again_within_two_seconds(fleet: Fleet) -> None:
    sweep = fleet.submit(*SLOW_RUN)
    _, first, second = fleet.start("suggester", "trainer", "trainer", SWEEP_SLOTS="1")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunCheckpointed)) >= 5 and len(fleet.store.fleet.live()) == 3)
    (claimed,) = fleet.events(sweep, RunClaimed)
    busy = first if str(first.pid) in claimed.worker else second

    busy.send_signal(signal.SIGTERM)
    busy.wait(timeout=20)
    left_at = fleet.store.sweeps.now()
    fleet.wait_until(lambda: len(fleet.events(sweep, RunClaimed)) == 2)

    (released,), (_, claimed_again) = fleet.events(sweep, RunReleased), fleet.events(sweep, RunClaimed)
    assert fleet.entries(sweep, RunClaimed)[1].at_ms / 1000 - left_at < 2
    assert claimed_again.step >= released.step >= 5
    assert fleet.runs(sweep)[0].stuck_attempts == 0


@both_stores
def test_an_idle_worker_starts_the_second_run_at_once_while_the_first_is_busy(fleet: Fleet) -> None:
    fleet.start("suggester", "trainer", "trainer", SWEEP_SLOTS="1")
    fleet.wait_until(lambda: fleet.store.fleet.live_slots("gpu") == 2)

    sweep = fleet.submit("trainer.steps=20", "trainer.step_seconds=0.2", "budget.max_runs=2", "parallelism=2")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunClaimed)) == 2)

    one, other = fleet.events(sweep, RunClaimed)
    assert one.worker != other.worker
    first, second = fleet.entries(sweep, RunClaimed)
    assert second.at_ms - first.at_ms < 1500
    assert fleet.events(sweep, RunObserved) == []


def test_a_killed_suggester_is_replaced_without_a_lost_or_a_repeated_run(fleet: Fleet) -> None:
    suggester, _ = fleet.start("suggester", "trainer")
    sweep = fleet.submit("budget.max_runs=6", "trainer.step_seconds=0.05")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunObserved)) >= 2)

    suggester.send_signal(signal.SIGKILL)
    fleet.start("suggester")
    finished = fleet.wait_until_finished(sweep)

    assert finished.created == finished.observed == 6
    assert sorted(event.run for event in fleet.events(sweep, RunObserved)) == [1, 2, 3, 4, 5, 6]
    fleet.check(sweep)


def test_a_cancelled_run_frees_its_slot_and_is_no_observation(fleet: Fleet) -> None:
    from shared.control.steer import cancel_run

    fleet.start("suggester", "trainer")
    sweep = fleet.submit("budget.max_runs=1", "trainer.steps=600", "trainer.step_seconds=0.1")
    fleet.wait_until(lambda: fleet.events(sweep, RunCheckpointed))

    cancel_run(fleet.store, f"{sweep.name}.r.1")
    fleet.wait_until_finished(sweep, seconds=15)

    (run,) = fleet.runs(sweep)
    assert run.state is RunState.CANCELLED
    assert run.score is None
    fleet.check(sweep)


def test_no_run_of_a_paused_sweep_is_claimed_until_it_is_resumed(fleet: Fleet) -> None:
    from shared.control.steer import pause_sweep, resume_sweep

    sweep = fleet.submit("budget.max_runs=2", "parallelism=2")
    fleet.start("suggester")
    fleet.wait_until(lambda: fleet.store.sweeps.get(sweep.name).created >= 1)
    pause_sweep(fleet.store, sweep.name)

    fleet.start("trainer")
    fleet.wait_until(lambda: fleet.store.fleet.live_slots("gpu") >= 1)
    fleet.wait_until(lambda: fleet.store.runs.messages("gpu") == 0)
    assert fleet.events(sweep, RunClaimed) == []
    resume_sweep(fleet.store, sweep.name)

    assert fleet.wait_until_finished(sweep).observed == 2
    fleet.check(sweep)


def test_workers_whose_store_was_emptied_report_it_and_stop_instead_of_starting_again(fleet: Fleet) -> None:
    sweep = fleet.submit(*SLOW_RUN)
    workers = fleet.start("suggester", "trainer", "evaluator")
    fleet.wait_until(lambda: fleet.events(sweep, RunCheckpointed) and len(fleet.store.fleet.live()) == 3)

    fleet.store.client.flushall()

    fleet.wait_until(lambda: all(worker.poll() is not None for worker in workers))
    assert [worker.returncode for worker in workers] == [6, 6, 6]
    assert "was emptied while this worker ran" in (fleet.data_dir / "trainer.1.log").read_text()
    written = {key for key in fleet.store.client.scan_iter() if not key.startswith(("_kombu", "unacked"))}
    assert written == set(), "nothing was written into the empty store"


def test_a_sweep_whose_store_is_lost_is_restored_and_ends_with_no_run_done_twice(fleet: Fleet) -> None:
    sweep = fleet.submit("trainer.steps=8", "trainer.step_seconds=0.1", "budget.max_runs=6")
    workers = fleet.start("suggester", "trainer")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunObserved)) >= 3 and fleet.store.client.zcard("leases"))
    for worker in workers:
        worker.kill()
        worker.wait()
    before = {run.id: run for run in fleet.runs(sweep)}
    fleet.store.client.flushall()

    restore(fleet.store, fleet.data_dir / "sweep" / sweep.name)
    fleet.start("suggester", "trainer")
    finished = fleet.wait_until_finished(sweep)

    assert finished.observed == 6
    for run in fleet.runs(sweep):
        old = before.get(run.id)
        if old and old.score is not None:
            assert (run.score, run.attempt, run.params) == (old.score, old.attempt, old.params)
        elif old and old.checkpoint:
            resumed = fleet.events(sweep, RunClaimed)[-1 - (6 - run.number)]
            assert (resumed.run, resumed.step) == (run.number, old.checkpoint.step)
    fleet.check(sweep)
