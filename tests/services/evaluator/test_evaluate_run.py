"""What an evaluation makes of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.evaluator.evaluate_run import conclude, evaluate_due_runs
from shared.domain.observation import BadScore
from shared.domain.run import RunState
from shared.execution.supervise import Finished
from shared.storage.checkpoints import write_checkpoint
from shared.storage.folders import RunFolder
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep, AWorker

pytestmark = pytest.mark.slow


def played(**result: float) -> Finished:
    return Finished(result=result, metrics={}, seconds=3.0, steps=0)


def test_the_score_is_the_suites_and_the_cost_that_of_training_and_evaluation(a_run: ARun, a_job: AJob) -> None:
    run = a_run(RunState.EVALUATING, metrics={"reward": -1.0, "loss": 0.5})

    after = conclude(run, played(reward=9.0), a_job("sim=sweep_eval"))

    assert (after.state, after.score, after.cost) == (RunState.OBSERVED, 9.0, run.train_seconds + 3.0)
    assert after.metrics == {"reward": 9.0, "loss": 0.5}
    assert after.steps == run.steps


@pytest.mark.parametrize(("cost", "expected"), [("steps", 20.0), ("energy", 4.0)])
def test_the_cost_may_be_what_the_training_counted(a_run: ARun, a_job: AJob, cost: str, expected: float) -> None:
    run = a_run(RunState.EVALUATING, metrics={"energy": 4.0})

    assert conclude(run, played(reward=9.0), a_job("sim=sweep_eval", f"cost={cost}")).cost == expected


def test_a_suite_without_the_sweeps_metric_is_no_score_even_if_the_training_reported_it(
    a_run: ARun, a_job: AJob
) -> None:
    run = a_run(RunState.EVALUATING, metrics={"reward": 1.0})

    with pytest.raises(BadScore, match="metric 'reward' was never reported; seen: length"):
        conclude(run, played(length=9.0), a_job("sim=sweep_eval"))


@pytest.mark.usefixtures("children")
def test_a_run_whose_last_checkpoint_is_damaged_is_trained_again_and_no_older_one_is_scored(
    store: Store, a_run: ARun, a_sweep: ASweep, a_job: AJob, a_worker: AWorker, tmp_path: Path
) -> None:
    sweep = store.sweeps.create(a_sweep(config=a_job("sim=sweep_eval").model_dump(mode="json")))
    folder = RunFolder(tmp_path / "sweep/s/runs/s.r.1")
    older, newest = (
        write_checkpoint(folder, run="s.r.1", attempt=1, step=step, save=lambda path: path.write_text("weights"))
        for step in (10, 20)
    )
    (folder.checkpoints / newest.path / "state").write_text("changed")
    store.sweeps.commit(sweep, sweep.move(""), [a_run(RunState.TRAINED, checkpoints=(older, newest), steps=20)])

    evaluate_due_runs(a_worker("evaluator", "eval"), "s.r.1")

    run = store.runs.get("s.r.1")
    assert (run.state, run.checkpoints, run.steps, run.score) == (RunState.QUEUED, (older,), 10, None)
    assert run.setback is not None
    assert run.setback.endswith("state is missing or was changed since it was written")
    assert store.runs.messages("gpu") == 1
    assert b"falling back" in (tmp_path / "sweep/s/runs/s.r.1/logs/eval.2.log").read_bytes()
