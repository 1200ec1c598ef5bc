"""Every point at which a process can die, be deafened or be frozen, once; then the sweep is run to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.run import RunState
from tests.chaos.rig import CHECKPOINT_EVERY, STEPS, stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SUGGESTER = ["before:suggested", "after:suggested", "lost:suggested", "before:lost", "after:lost", "before:finished"]
TRAINER = [
    *("before:claimed", "after:claimed", "lost:claimed", "before:checkpointed", "after:checkpointed"),
    *("lost:checkpointed", "freeze:checkpointed", "before:trained", "after:trained", "lost:trained"),
]
CHILD = ["fsync:1", "fsync:4", "rename:before", "rename:after"]
EVALUATOR = ["before:observed", "after:observed", "lost:observed", "freeze:observed"]


@pytest.mark.parametrize("points", [SUGGESTER + EVALUATOR, TRAINER + CHILD], ids=["around", "training"])
def test_whatever_dies_at_whatever_point_every_run_is_observed_once(tmp_path: Path, points: list[str]) -> None:
    with stage(tmp_path, suggester=1, trainer=2, evaluator=1) as chaos:
        chaos.environment |= {"CHAOS": ",".join(points), "SWEEP_SLOTS": "1"}
        sweep = chaos.submit("budget.max_runs=10", "parallelism=4", evaluated=True, step_seconds=0.02)

        finished = chaos.wait_until_finished(sweep, seconds=180)

        struck = {path.name for path in (tmp_path / "struck").iterdir()}
        assert struck >= set(points) - {"before:lost", "after:lost"}, "each point was passed"
        assert finished.created == finished.observed == 10
        runs = chaos.fleet.runs(sweep)
        assert {run.state for run in runs} == {RunState.OBSERVED}
        assert all(set(chaos.steps_done(sweep, run)) == set(range(1, STEPS + 1)) for run in runs)
        attempts_lost = sum(run.attempt - 1 for run in runs)
        assert chaos.redone(sweep) <= attempts_lost * CHECKPOINT_EVERY + STEPS  # who was frozen computed on for a while
        chaos.fleet.check(sweep)
