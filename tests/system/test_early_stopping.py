"""A bad run is stopped early, with real workers: it is scored and counted once, even if a worker dies."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from services.suggester.replay import replay
from shared.control.steer import enqueue_run
from shared.domain.early_stopping import MIN_RUNS
from shared.domain.events import RunStoppedEarly
from shared.domain.run import Run, RunState
from shared.domain.sweep import Sweep

if TYPE_CHECKING:
    from tests.fleet import Fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
RATE = "trainer.optimizer.learning_rate"
STEPS = 40


def submit(fleet: Fleet) -> Sweep:
    """Submit ten good runs in parallel, and then a bad one; the no-op training scores by its parameters."""
    few = (f"budget.max_runs={MIN_RUNS + 1}", f"parallelism={MIN_RUNS}")
    slow = (f"trainer.steps={STEPS}", "trainer.step_seconds=0.1", "cost=steps")
    sweep = fleet.submit("sweep.early_stop_quantile=0.3", *few, *slow)
    for rate in (*[9e-4] * MIN_RUNS, 1e-4):
        enqueue_run(fleet.store, sweep.name, [f"{RATE}={rate}"])
    return fleet.store.sweeps.get(sweep.name)


def the_bad_one(fleet: Fleet, sweep: Sweep) -> Run:
    return fleet.store.runs.get(f"{sweep.name}.r.{MIN_RUNS + 1}")


def test_a_bad_run_is_stopped_early_and_observed_with_what_it_cost(fleet: Fleet) -> None:
    sweep = submit(fleet)
    fleet.start("suggester", "trainer", SWEEP_SLOTS=str(MIN_RUNS))

    finished = fleet.wait_until_finished(sweep, seconds=90)

    assert (finished.observed, finished.failed, finished.consecutive_failures) == (MIN_RUNS + 1, 0, 0)
    bad = the_bad_one(fleet, sweep)
    assert bad.state is RunState.OBSERVED
    assert bad.early_stop is not None
    assert STEPS / 4 <= bad.early_stop.step <= bad.steps < STEPS
    assert (bad.cost, bad.attempt) == (bad.steps, 1)
    assert bad.score == bad.metrics["reward"] == pytest.approx(-((1e-4 - 0.5) ** 2) * bad.steps / STEPS)
    assert [run.early_stop for run in fleet.runs(sweep) if run.id != bad.id] == [None] * MIN_RUNS
    fleet.check(sweep)
    assert not any(made.differences for made in replay(finished, fleet.store.sweeps.whole_log(sweep.name)))


def test_a_run_whose_trainer_is_killed_right_after_the_decision_is_ended_by_the_next_one(fleet: Fleet) -> None:
    sweep = submit(fleet)
    # The decision reaches its owner with the next heartbeat, a second later.
    _, trainer = fleet.start("suggester", "trainer", SWEEP_SLOTS=str(MIN_RUNS), SWEEP_HEARTBEAT_SECONDS="0.9")
    fleet.wait_until(lambda: fleet.events(sweep, RunStoppedEarly), seconds=90)

    trainer.send_signal(signal.SIGKILL)
    fleet.start("trainer", SWEEP_SLOTS="1")
    finished = fleet.wait_until_finished(sweep, seconds=60)

    assert finished.observed == MIN_RUNS + 1
    bad = the_bad_one(fleet, sweep)
    assert bad.early_stop is not None
    assert (bad.state, bad.attempt, bad.score) == (RunState.OBSERVED, 2, bad.early_stop.score)
    kinds = [what.kind for what in fleet.store.sweeps.outline(sweep.name, run=bad.number)]
    assert kinds[kinds.index("lost") :] == ["lost", "claimed", "observed"], "it is not trained further"
    fleet.check(sweep)
