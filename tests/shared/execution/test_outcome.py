"""The observation of a run that ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config.compose import compose
from shared.config.schema import SweepJob
from shared.domain.progress import Progress
from shared.domain.run import EarlierPoint, EarlyStop, Run, RunState, stop_early
from shared.execution.outcome import observe_ending
from shared.execution.supervise import Finished

if TYPE_CHECKING:
    from tests.conftest import ARun

SPACE = """
metric: reward
protein: {cost_param: trainer.steps}
parameters:
  trainer:
    x: {distribution: uniform, min: 0.0, max: 1.0}
    steps: {distribution: int_uniform, min: 10, max: 200}
"""
PARAMS = {"trainer.x": 0.5, "trainer.steps": 160}
EARLIER = (
    EarlierPoint(params={"trainer.steps": 20}, score=2.0, cost=10.0),
    EarlierPoint(params={"trainer.steps": 40}, score=4.0, cost=20.0),
    EarlierPoint(params={"trainer.steps": 80}, score=8.0, cost=40.0),
)


@pytest.fixture
def job(tmp_path: Path) -> SweepJob:
    """A sweep over the length of a run."""
    return a_job(tmp_path)


def a_job(folder: Path, *overrides: str) -> SweepJob:
    (folder / "sweep").mkdir(exist_ok=True)
    (folder / "sweep" / "mine.yaml").write_text(SPACE)
    usual = ["trainer=noop", "sim=none", "sweep_run=s"]
    return compose("mine", [*usual, *overrides], data_dir=folder, config_dir=folder).job


def curve(steps: Sequence[int]) -> Progress:
    progress = Progress()
    for step in steps:
        progress = progress.after(step, {"reward": step / 10}, metric="reward", spent=step / 2)
    return progress


def ended(*, steps: int = 160, **result: float) -> Finished:
    progress = curve(range(10, steps + 1, 10))
    return Finished(result=result, metrics=progress.metrics, seconds=steps / 2, steps=steps, progress=progress)


def observed(run: Run, ending: Finished, job: SweepJob) -> Run:
    metrics = {**ending.metrics, **ending.result}
    score = ending.result.get("score", ending.steps / 10)
    return observe_ending(run, ending, job, score=score, metrics=metrics, steps=ending.steps)


@pytest.fixture
def run(a_run: ARun) -> Run:
    """A run in training."""
    return a_run(RunState.TRAINING, params=PARAMS)


def test_a_run_that_was_trained_to_its_end_has_the_suggested_length(run: Run, job: SweepJob) -> None:
    after = observed(run, ended(), job)

    assert (after.score, after.cost, after.trained, after.earlier) == (16.0, 80.0, {}, ())


def test_a_run_that_was_stopped_early_has_the_length_that_it_reached(run: Run, job: SweepJob) -> None:
    marked = stop_early(run, EarlyStop(step=50, score=5.0, cost=25.0, of_steps=160, why="worse"))

    assert observed(marked, ended(steps=60), job).trained == {"trainer.steps": 60}


@pytest.mark.parametrize("changes", [{"of_steps": None}, {"method": "random"}, {"path": "trainer.x2"}])
def test_without_a_known_length_a_run_keeps_the_suggested_one(
    run: Run, tmp_path: Path, changes: dict[str, str | None]
) -> None:
    of_steps = 160 if "of_steps" not in changes else None
    overrides = [f"sweep.method={changes['method']}"] if "method" in changes else []
    overrides += [f"sweep.protein.cost_param={changes['path']}"] if "path" in changes else []
    marked = stop_early(run, EarlyStop(step=50, score=5.0, cost=25.0, of_steps=of_steps, why="worse"))

    assert observed(marked, ended(steps=60), a_job(tmp_path, *overrides)).trained == {}


def test_the_curve_gives_earlier_points_if_the_sweep_asks_for_them(run: Run, tmp_path: Path) -> None:
    job = a_job(tmp_path, "+sweep.protein.learning_curves=true")

    assert observed(run, ended(), job).earlier == EARLIER


def test_the_curve_of_a_run_that_was_stopped_early_gives_earlier_points_too(run: Run, tmp_path: Path) -> None:
    job = a_job(tmp_path, "+sweep.protein.learning_curves=true")
    marked = stop_early(run, EarlyStop(step=50, score=5.0, cost=25.0, of_steps=320, why="worse"))

    after = observed(marked, ended(steps=160), job)

    assert after.trained == {"trainer.steps": 80}
    assert [point.params for point in after.earlier] == [{"trainer.steps": length} for length in (10, 20, 40)]


def test_a_cost_that_was_only_returned_is_divided_in_proportion_to_the_length(run: Run, tmp_path: Path) -> None:
    job = a_job(tmp_path, "+sweep.protein.learning_curves=true")

    after = observed(run, ended(cost=8.0), job)

    assert [point.cost for point in after.earlier] == [1.0, 2.0, 4.0]


def test_an_evaluation_shifts_the_curve_and_adds_its_cost_to_each_point(a_run: ARun, tmp_path: Path) -> None:
    job = a_job(tmp_path, "+sweep.protein.learning_curves=true")
    run = a_run(RunState.EVALUATING, params=PARAMS, steps=160, train_seconds=80.0)
    played = Finished(result={"reward": 20.0}, metrics={}, seconds=3.0, steps=0, progress=curve(range(10, 161, 10)))

    after = observe_ending(run, played, job, score=20.0, metrics={"reward": 20.0}, steps=run.steps)

    assert [point.score for point in after.earlier] == [6.0, 8.0, 12.0]
    assert [point.cost for point in after.earlier] == [13.0, 23.0, 43.0]
