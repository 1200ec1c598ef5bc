"""A process is killed, loses an answer or is suspended once at each point; the sweep still runs to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.control.steer import enqueue_run
from shared.domain.early_stopping import MIN_RUNS
from shared.domain.events import RunClaimed, RunStoppedEarly
from shared.domain.run import Run, RunState
from shared.domain.sweep import Sweep
from tests.chaos.rig import CHECKPOINT_EVERY, STEPS, Stage, stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
GOOD, BAD = MIN_RUNS, 14
SUGGESTER = ["before:suggested", "after:suggested", "lost:suggested", "before:lost", "after:lost", "before:finished"]
TRAINER = [
    *("before:claimed", "after:claimed", "lost:claimed", "before:checkpointed", "after:checkpointed"),
    *("lost:checkpointed", "freeze:checkpointed", "before:trained", "after:trained", "lost:trained"),
]
CHILD = ["fsync:1", "fsync:4", "rename:before", "rename:after"]
EVALUATOR = ["before:observed", "after:observed", "lost:observed", "freeze:observed"]
STOPPING = [
    *("before:stopped early", "after:stopped early", "lost:stopped early"),
    *("before:early trained", "after:early trained", "lost:early trained", "freeze:early trained"),
    *("before:early claimed", "after:early claimed", "before:early observed", "after:early observed"),
]


@pytest.mark.parametrize("points", [SUGGESTER + EVALUATOR, TRAINER + CHILD], ids=["around", "training"])
def test_every_run_is_observed_once_although_processes_die_at_every_point(tmp_path: Path, points: list[str]) -> None:
    with stage(tmp_path, suggester=1, trainer=2, evaluator=1) as chaos:
        chaos.environment |= {"CHAOS": ",".join(points), "SWEEP_SLOTS": "1"}
        sweep = chaos.submit("budget.max_runs=10", "parallelism=4", evaluated=True, step_seconds=0.02)

        finished = chaos.wait_until_finished(sweep, seconds=180)

        struck = {path.name for path in (tmp_path / "struck").iterdir()}
        assert struck >= set(points) - {"before:lost", "after:lost"}, "each point was reached"
        assert finished.created == finished.observed == 10
        runs = chaos.fleet.runs(sweep)
        assert {run.state for run in runs} == {RunState.OBSERVED}
        assert all(set(chaos.steps_done(sweep, run)) == set(range(1, STEPS + 1)) for run in runs)
        attempts_lost = sum(run.attempt - 1 for run in runs)
        assert (
            chaos.redone(sweep) <= attempts_lost * CHECKPOINT_EVERY + STEPS
        )  # a suspended worker computes until it is fenced
        chaos.fleet.check(sweep)


def test_a_run_that_must_stop_early_is_observed_once_and_not_trained_further_although_processes_die(
    tmp_path: Path,
) -> None:
    with stage(tmp_path, suggester=1, trainer=2, evaluator=1) as chaos:
        chaos.environment |= {"CHAOS": ",".join(STOPPING), "SWEEP_SLOTS": "2"}
        overrides = ("sweep.early_stop_quantile=0.5", f"budget.max_runs={GOOD + BAD}", "parallelism=4")
        sweep = chaos.submit(*overrides, evaluated=True, step_seconds=0.2)
        for value in (*[0.3] * GOOD, *[1.0] * BAD):
            enqueue_run(chaos.store, sweep.name, [f"trainer.a={value}", f"trainer.b={value}"])

        finished = chaos.wait_until_finished(sweep, seconds=240)

        assert {path.name for path in (tmp_path / "struck").iterdir()} == set(STOPPING), "each point was reached"
        assert finished.observed == GOOD + BAD
        runs = chaos.fleet.runs(sweep)
        assert min(run.number for run in runs if run.early_stop) > GOOD
        for run in runs:
            assert run.early_stop or run.steps == STEPS
            notes = tmp_path / "sweep" / sweep.name / "runs" / run.id / "steps.log"
            last_attempt = max(int(line.split()[0]) for line in notes.read_text().splitlines())
            assert last_attempt <= attempts_before_the_decision(chaos, sweep, run)
        chaos.fleet.check(sweep)


def attempts_before_the_decision(chaos: Stage, sweep: Sweep, run: Run) -> int:
    """Return how often a run was started before the decision to stop it early, or in total without a decision."""
    started = 0
    for _, _, event in chaos.store.sweeps.events(sweep.name):
        if event.run == run.number:
            if isinstance(event, RunStoppedEarly):
                break
            started += isinstance(event, RunClaimed) and event.state is RunState.TRAINING
    return started
