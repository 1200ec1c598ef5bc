"""Runs that are done again with real workers: retried, scored again, trained again; and where a budget ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config.compose import compose
from shared.control.rescore import rescore, rescoring_job
from shared.control.retry import retry_run
from shared.control.steer import cancel_run, change_limits
from shared.control.submit import submit
from shared.domain.events import RunCheckpointed, RunClaimed
from shared.domain.run import RunState
from tests.system.test_run_command import as_json, left_after_seconds, sweepctl
from tests.system.test_run_command import folder as folder  # a fixture

if TYPE_CHECKING:
    from tests.fleet import Fleet

pytestmark = pytest.mark.slow
LUCKLESS = """
from pathlib import Path

def train(run):
    for step in range(run.checkpoint_step + 1, 7):
        run.report(step=step, reward=step * run.params["trainer.size"])
        run.save_checkpoint(step, lambda path: path.write_text(str(step)))
        if step == 4 and not Path("fixed").exists():
            raise RuntimeError("no such luck")
    return {"score": run.params["trainer.size"]}
"""
SPACE = """
metric: reward
parameters:
  trainer:
    size: {distribution: uniform, min: 0, max: 1}
"""
SMALL = ("trainer.total_timesteps=4096", "trainer.num_envs=8", "trainer.batch_size=1024")


def test_failed_runs_of_a_paused_sweep_continue_from_their_checkpoints_once_the_code_is_fixed(folder: Path) -> None:
    (folder / "luckless.py").write_text(LUCKLESS)
    (folder / "configs" / "sweep").mkdir(parents=True)
    (folder / "configs" / "sweep" / "mine.yaml").write_text(SPACE)
    function = ("trainer=function", "trainer.function=luckless:train", "sim=none")
    command = ("run", "mine", "sweep_run=bad", "look_ahead=0", "budget.max_runs=4", *function)
    assert sweepctl(*command).returncode == 1
    (folder / "fixed").touch()

    said = sweepctl("retry", "--failed")
    resumed = sweepctl("resume", "bad")
    ended = sweepctl(*command)

    assert said.stdout.splitlines()[:3] == [f"run bad.r.{n} is queued again, from step 4" for n in (1, 2, 3)]
    assert "sweep bad is paused: 3 runs failed in a row; to continue, run `sweepctl resume bad`" in said.stdout
    assert (resumed.returncode, ended.returncode) == (0, 0), ended.stdout + ended.stderr
    runs = as_json("runs", "bad")
    assert [(run["state"], run["attempt"], run["steps"]) for run in runs] == [
        *([("observed", 2, 6)] * 3),
        ("observed", 1, 6),
    ]
    assert [move["step"] for move in as_json("show", "bad.r.1")["moves"] if move["kind"] == "claimed"] == [0, 4]
    assert as_json("audit", "bad")["ok"]
    assert left_after_seconds(folder) == []


def test_a_sweep_is_scored_again_on_this_machine_with_the_cost_of_its_trainings(folder: Path) -> None:
    small = ("sweep_run=mine", "budget.max_runs=2", "sim.num_episodes=2", *SMALL)
    assert sweepctl("run", "quick", *small).returncode == 0
    before = as_json("runs", "mine")

    scored = sweepctl("rescore", "mine", "sim.num_episodes=3", "--as", "again")

    assert scored.returncode == 0, scored.stderr
    runs = as_json("runs", "again")
    assert [(run["state"], run["attempt"], run["origin"]) for run in runs] == [
        ("observed", 0, "mine.r.1"),
        ("observed", 0, "mine.r.2"),
    ]
    for old, new in zip(before, runs, strict=True):
        assert new["train_seconds"] == old["train_seconds"]
        assert new["cost"] == new["train_seconds"] + new["eval_seconds"]
        assert new["metrics"]["cartpole/episodes"] == 3
    assert as_json("runs", "mine") == before
    assert left_after_seconds(folder) == []


def test_the_best_configuration_is_trained_for_longer_outside_its_sweep(folder: Path) -> None:
    noop = ("trainer=noop", "sim=none", "budget.max_runs=2")
    assert sweepctl("run", "quick", "sweep_run=mine", *noop).returncode == 0
    before, best = as_json("runs", "mine"), as_json("best", "mine")

    trained = sweepctl("best", "mine", "--train", "trainer.steps=7", "sweep_run=long", "--json")

    assert trained.returncode == 0, trained.stderr
    shown = json.loads(trained.stdout)
    assert (shown["run"], shown["state"], shown["params"]) == ("long.r.1", "observed", best["params"])
    assert (shown["steps"], shown["score"]) == (7, best["score"])
    assert (Path(shown["checkpoint_folder"]) / "manifest.json").exists()
    assert Path(shown["log_file"]).exists()
    assert as_json("runs", "mine") == before
    assert left_after_seconds(folder) == []


def test_on_a_fleet_evaluators_score_a_sweep_again_and_the_search_continues_with_the_new_scores(fleet: Fleet) -> None:
    job = compose("quick", ["sweep_run=s", "budget.max_runs=2", *SMALL], data_dir=fleet.data_dir).job
    sweep = submit(fleet.store, job).sweep
    _, trainer, _ = fleet.start("suggester", "trainer", "evaluator", DATA_DIR=str(fleet.data_dir))
    old = fleet.wait_until_finished(sweep)
    trainer.terminate()
    trainer.wait(timeout=20)

    done = rescore(fleet.store, old, rescoring_job(old, ["sim.seed=5"], name="again"))

    assert fleet.wait_until_finished(done.sweep).observed == 2
    assert {run.eval_seconds > 0 for run in fleet.runs(done.sweep)} == {True}
    change_limits(fleet.store, "again", ["budget.max_runs=3"])
    fleet.start("trainer", DATA_DIR=str(fleet.data_dir))
    assert fleet.wait_until_finished(done.sweep).observed == 3
    assert [run.attempt for run in fleet.runs(done.sweep)] == [0, 0, 1]
    fleet.check(done.sweep)


def test_a_cancelled_run_of_a_finished_sweep_is_retried_by_live_workers(fleet: Fleet) -> None:
    sweep = fleet.submit("budget.max_runs=1", "trainer.steps=30", "trainer.step_seconds=0.1")
    fleet.start("suggester", "trainer")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunCheckpointed)) >= 3)
    cancel_run(fleet.store, f"{sweep.name}.r.1")
    assert fleet.wait_until_finished(sweep).cancelled == 1

    retry_run(fleet.store, f"{sweep.name}.r.1")
    finished = fleet.wait_until_finished(sweep)

    assert (finished.observed, finished.cancelled, finished.created) == (1, 0, 1)
    assert [event.step >= 3 for event in fleet.events(sweep, RunClaimed)] == [False, True]
    fleet.check(sweep)


def test_a_cost_budget_is_exceeded_by_less_than_one_run_and_an_hour_budget_by_the_runs_in_progress(
    fleet: Fleet,
) -> None:
    fleet.start("suggester", "trainer", SWEEP_SLOTS="3")
    fleet.wait_until(lambda: fleet.store.fleet.live_slots("gpu") == 3)
    slow = ("trainer.steps=4", "trainer.step_seconds=0.1", "sweep.method=random")
    parallel = ("parallelism=null", "look_ahead=1", "budget.max_runs=null", *slow)

    by_cost = fleet.wait_until_finished(fleet.submit(*parallel, "sweep_run=cost", "cost=steps", "budget.max_cost=42"))
    by_time = fleet.wait_until_finished(fleet.submit(*parallel, "sweep_run=time", "budget.max_hours=0.001"))

    assert by_cost.reason == "budget of cost 42 spent"
    assert 42 <= by_cost.spent < 42 + 4
    ended = fleet.store.sweeps.last_event("time")
    assert ended is not None
    late = [e for e in fleet.entries(by_time, RunClaimed) if e.at_ms / 1000 > by_time.created_at + 3.6 + 0.5]
    assert late == [], "within a tick"
    assert {run.state for run in fleet.runs(by_time)} <= {RunState.OBSERVED, RunState.CANCELLED}
    assert ended.at_ms / 1000 - by_time.created_at < 3.6 + 5
