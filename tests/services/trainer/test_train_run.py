"""A training from its notification to its end: real children, a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from services.trainer.train_run import conclude, refuses, train_due_runs
from shared.config.schema import SweepJob
from shared.domain.observation import BadScore
from shared.domain.progress import Progress
from shared.domain.run import (
    Checkpoint,
    EarlyStop,
    Run,
    RunState,
    cancel,
    claim,
    keep_checkpoint,
    lose_attempt,
    stop_early,
)
from shared.domain.sweep import Sweep
from shared.execution.permission import NO_GPU
from shared.execution.supervise import Finished
from shared.store.store import Store
from tests.logs import kinds_of

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep, AWorker


@pytest.fixture
def waiting(store: Store, a_run: ARun, a_sweep: ASweep, a_job: AJob) -> Callable[..., Run]:
    """Put one waiting run of a job into the store."""

    def make(*overrides: str, **changes: object) -> Run:
        sweep = store.sweeps.create(a_sweep(config=a_job(*overrides).model_dump(mode="json")))
        params = {"trainer.x": 0.25}
        store.sweeps.commit(sweep, sweep.move(""), [a_run(**{"params": params, **changes})])
        return store.runs.get("s.r.1")

    return make


def ended(
    *, result: dict[str, float] | None = None, metrics: dict[str, float] | None = None, early: bool = False
) -> Finished:
    return Finished(result=result or {}, metrics=metrics or {}, seconds=2.0, steps=30, early=early)


STOP = EarlyStop(step=35, score=0.25, cost=9.0, of_steps=70, why="worse than the others")


@pytest.fixture
def training(a_run: ARun) -> Run:
    """A run in training with a checkpoint."""
    run = a_run(RunState.TRAINING)
    return keep_checkpoint(run, Checkpoint(step=10, path="10", sha256="abc"), seconds=5.0)


# ------------------------------------------------------------------------------------------------ whole runs


@pytest.mark.usefixtures("children")
def test_a_run_that_returns_a_score_is_observed_with_its_files_and_the_suggester_is_notified(
    store: Store, waiting: Callable[..., Run], a_worker: AWorker, tmp_path: Path
) -> None:
    waiting("cost=steps")
    worker = a_worker("trainer", "gpu")

    train_due_runs(worker, "s.r.1")

    run = store.runs.get("s.r.1")
    assert (run.state, run.score, run.cost, run.attempt) == (RunState.OBSERVED, -0.0625, 3.0, 1)
    folder = tmp_path / "sweep" / "s" / "runs" / "s.r.1"
    results = yaml.safe_load((folder / "sweep_eval_results.yaml").read_text())
    assert (results["run"], results["eval_metric"], results["cost"]) == ("s.r.1", -0.0625, 3.0)
    written = yaml.safe_load((folder / "train_config_overrides.yaml").read_text())
    assert written["params"] == {"trainer.x": 0.25}
    assert len(list((folder / "checkpoints").iterdir())) == 2
    assert store.runs.messages("results") == 1
    assert worker.slots.busy == ()


@pytest.mark.usefixtures("children")
def test_for_a_run_that_needs_an_evaluation_the_evaluator_is_notified(
    store: Store, waiting: Callable[..., Run], a_worker: AWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "shared" / "execution")
    waiting("trainer=function", "trainer.function=trainings:continue_and_save", "sim=sweep_eval")

    train_due_runs(a_worker("trainer", "gpu", allow=("trainings:*",)), "s.r.1")

    run = store.runs.get("s.r.1")
    assert (run.state, run.checkpoint.step if run.checkpoint else None) == (RunState.TRAINED, 1)
    assert [due.id for due in store.runs.due("eval")] == ["s.r.1"]
    assert store.runs.messages("eval") == 1


@pytest.mark.usefixtures("children")
def test_a_file_that_cannot_be_written_does_not_lose_the_score(
    store: Store, waiting: Callable[..., Run], a_worker: AWorker, tmp_path: Path
) -> None:
    waiting()
    (tmp_path / "sweep" / "s" / "runs" / "s.r.1" / "sweep_eval_results.yaml" / "in the way").mkdir(parents=True)

    train_due_runs(a_worker("trainer", "gpu"), "s.r.1")

    assert store.runs.get("s.r.1").score == -0.0625


def test_a_run_whose_code_cannot_be_found_stays_in_the_queue(
    store: Store, waiting: Callable[..., Run], a_worker: AWorker
) -> None:
    waiting("trainer=function", "trainer.function=nowhere:train", "sim=sweep_eval")

    train_due_runs(a_worker("trainer", "gpu", allow=("nowhere:train",)), "s.r.1")

    assert store.runs.get("s.r.1").state is RunState.QUEUED
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.1"]


def test_a_run_on_a_disk_that_cannot_be_written_goes_back_to_the_queue_and_counts_no_failure(
    store: Store, waiting: Callable[..., Run], a_worker: AWorker, tmp_path: Path
) -> None:
    waiting()
    worker = a_worker("trainer", "gpu", heartbeat_seconds=0.1)
    (tmp_path / "sweep").write_text("in the way")
    end = threading.Timer(0.25, worker.lifecycle.shutdown.set)
    end.start()

    train_due_runs(worker, "s.r.1")

    end.join()
    run = store.runs.get("s.r.1")
    assert (run.state, run.stuck_attempts, run.failure) == (RunState.QUEUED, 0, None)
    assert run.attempt <= 5


# ------------------------------------------------------------------------------------------------ stopped early


@pytest.fixture
def marked(store: Store, waiting: Callable[..., Run]) -> Callable[..., Run]:
    """Put a run into the store whose worker died right after the decision to stop the run early."""

    def make(*overrides: str) -> Run:
        run = waiting(*overrides)
        run = store.runs.claim(run, claim(run, worker="gone", nonce="n", at=0.0), lease_ms=60_000)
        for step in (20, 30):
            saved = keep_checkpoint(run, Checkpoint(step=step, path=f"{step}.a1", sha256="s"), seconds=3.0)
            run = store.runs.commit(run, saved, lease="keep")
        store.runs.renew(run, lease_ms=60_000, progress=Progress(step=40, metrics={"reward": 0.125}))
        run = store.runs.commit(run, stop_early(run, STOP), lease="keep")
        return store.runs.commit(run, lose_attempt(run, "no heartbeat", max_stuck=3))

    return make


def test_the_next_worker_of_a_run_that_must_stop_does_not_train_it_and_scores_it_as_at_the_decision(
    store: Store, marked: Callable[..., Run], a_worker: AWorker, tmp_path: Path
) -> None:
    marked()

    train_due_runs(a_worker("trainer", "gpu"), "s.r.1")

    run = store.runs.get("s.r.1")
    assert (run.state, run.score, run.steps, run.cost, run.train_seconds) == (RunState.OBSERVED, 0.25, 35, 9.0, 9.0)
    assert run.early_stop == STOP
    assert kinds_of(store)[-2:] == ["claimed", "observed"]
    assert not (tmp_path / "sweep/s/runs/s.r.1/logs").exists(), "nothing was trained"
    assert store.runs.messages("results") == 1


@pytest.mark.parametrize(("cost", "expected"), [("steps", 35.0), ("energy", 9.0)])
def test_its_cost_is_what_it_had_spent_in_the_unit_of_the_sweep(
    store: Store, marked: Callable[..., Run], a_worker: AWorker, cost: str, expected: float
) -> None:
    marked(f"cost={cost}")

    train_due_runs(a_worker("trainer", "gpu"), "s.r.1")

    assert (store.runs.get("s.r.1").cost, store.runs.get("s.r.1").train_seconds) == (expected, 6.0)


def test_if_it_needs_an_evaluation_its_last_checkpoint_is_evaluated(
    store: Store, marked: Callable[..., Run], a_worker: AWorker
) -> None:
    marked("sim=sweep_eval", "cost=energy")

    train_due_runs(a_worker("trainer", "gpu"), "s.r.1")

    run = store.runs.get("s.r.1")
    assert (run.state, run.steps, run.train_seconds, run.metrics) == (RunState.TRAINED, 30, 6.0, {"energy": 9.0})
    assert [due.id for due in store.runs.due("eval")] == ["s.r.1"]


def test_if_it_was_also_cancelled_it_ends_as_cancelled(
    store: Store, marked: Callable[..., Run], a_worker: AWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked()
    claims = store.runs.claim

    def cancelled_right_after(run: Run, after: Run, *, lease_ms: int) -> Run:
        held = claims(run, after, lease_ms=lease_ms)
        store.runs.commit(held, cancel(held), lease="keep")
        return held

    worker = a_worker("trainer", "gpu")
    monkeypatch.setattr(worker.store.runs, "claim", cancelled_right_after)

    train_due_runs(worker, "s.r.1")

    run = store.runs.get("s.r.1")
    assert (run.state, run.score, run.early_stop) == (RunState.CANCELLED, None, None)


def test_the_steps_of_a_training_that_was_stopped_early_are_those_of_the_checkpoint_that_is_scored(
    a_job: AJob, training: Run
) -> None:
    after = conclude(stop_early(training, STOP), ended(early=True), a_job("sim=sweep_eval"))

    assert (after.state, after.steps, after.train_seconds, after.early_stop) == (RunState.TRAINED, 10, 7.0, STOP)


def test_a_training_that_ended_before_the_decision_reached_it_was_not_stopped_early(a_job: AJob, training: Run) -> None:
    observed = conclude(stop_early(training, STOP), ended(metrics={"reward": 9.0}), a_job())
    trained = conclude(stop_early(training, STOP), ended(), a_job("sim=sweep_eval"))

    assert (observed.state, observed.early_stop) == (RunState.OBSERVED, None)
    assert (trained.state, trained.steps, trained.early_stop) == (RunState.TRAINED, 30, None)


# ------------------------------------------------------------------------------------------------ how it concludes


def test_a_trained_run_keeps_what_was_returned_and_the_metric_that_its_cost_needs(a_job: AJob, training: Run) -> None:
    job = a_job("sim=sweep_eval", "cost=energy")

    after = conclude(training, ended(result={"loss": 0.5}, metrics={"energy": 3.0, "reward": 9.0}), job)

    assert (after.state, after.steps, after.train_seconds) == (RunState.TRAINED, 30, 7.0)
    assert after.metrics == {"loss": 0.5, "energy": 3.0}


def test_a_training_that_returns_a_score_needs_no_evaluation(a_job: AJob, training: Run) -> None:
    after = conclude(training, ended(result={"score": 1.5}, metrics={"reward": 9.0}), a_job("sim=sweep_eval"))

    assert (after.state, after.score, after.cost) == (RunState.OBSERVED, 1.5, 7.0)
    assert after.metrics == {"reward": 9.0, "score": 1.5}


@pytest.mark.parametrize(("cost", "expected"), [("seconds", 7.0), ("steps", 30.0), ("energy", 3.0)])
def test_without_a_suite_the_last_reported_metric_is_the_score(
    a_job: AJob, training: Run, cost: str, expected: float
) -> None:
    after = conclude(training, ended(metrics={"reward": 9.0, "energy": 3.0}), a_job(f"cost={cost}"))

    assert (after.state, after.score, after.cost) == (RunState.OBSERVED, 9.0, expected)


def test_without_a_score_or_a_checkpoint_the_error_says_what_is_missing(a_job: AJob, a_run: ARun) -> None:
    run = a_run(RunState.TRAINING)

    with pytest.raises(BadScore, match="metric 'reward' was never reported"):
        conclude(run, ended(), a_job())
    with pytest.raises(BadScore, match=r"saved no checkpoint to evaluate: call run\.save_checkpoint, or return"):
        conclude(run, ended(metrics={"reward": 1.0}), a_job("sim=sweep_eval"))


# ------------------------------------------------------------------------------------------------ what it refuses


def sweep_of(a_sweep: ASweep, job: SweepJob) -> Sweep:
    return a_sweep(config=job.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("overrides", "allow", "reason"),
    [
        (("trainer=noop",), (), None),
        (("trainer=ppo", "sim=sweep_eval"), (), None),
        (("device=cuda",), (), str(NO_GPU)),
        (("trainer=function", "trainer.function=json.tool:main"), ("json.*",), None),
        (("trainer=function", "trainer.function=json.tool:main"), ("json.tool:main",), None),
        (
            ("trainer=function", "trainer.function=json.tool:main"),
            ("other.*",),
            "function json.tool:main is not allowed here; start the worker with SWEEP_ALLOW=json.tool:main",
        ),
        (
            ("trainer=function", "trainer.function=nowhere.deep:main"),
            ("*",),
            "module nowhere of nowhere.deep:main cannot be imported here; install it, "
            "or start in the folder that contains it",
        ),
        (
            ("trainer=ppo", "trainer.env=my_envs:Maze-v0", "sim=sweep_eval"),
            ("env:other",),
            "env my_envs:Maze-v0 imports my_envs, which is not allowed here; "
            "start the worker with SWEEP_ALLOW=env:my_envs",
        ),
        (("trainer=ppo", "trainer.env=my_envs:Maze-v0", "sim=sweep_eval"), ("env:my_envs",), None),
        (("trainer=command", "trainer.command=[sh,train.sh]"), ("command:sh",), None),
        (("trainer=command", "trainer.command=['{python}',train.py]"), ("command:python",), None),
        (
            ("trainer=command", "trainer.command=[sh,train.sh]"),
            ("sh", "sh.*", "env:sh", "command:bash"),
            "command sh is not allowed here; start the worker with SWEEP_ALLOW=command:sh",
        ),
        (
            ("trainer=command", "trainer.command=./nowhere.sh"),
            ("command:*",),
            "command ./nowhere.sh: no such program here; install it, or give its path, "
            "or start a worker on another machine",
        ),
    ],
)
def test_a_worker_refuses_what_it_cannot_or_must_not_do_and_names_the_remedy(
    a_job: AJob,
    a_run: ARun,
    a_sweep: ASweep,
    a_worker: AWorker,
    overrides: tuple[str, ...],
    allow: tuple[str, ...],
    reason: str | None,
) -> None:
    worker = a_worker("trainer", "gpu", allow=allow)

    refusal = refuses(worker, a_run(params={}), sweep_of(a_sweep, a_job(*overrides)))

    assert (refusal and str(refusal)) == reason


def test_a_worker_with_a_gpu_accepts_a_sweep_that_needs_one(
    a_job: AJob, a_run: ARun, a_sweep: ASweep, a_worker: AWorker
) -> None:
    worker = a_worker("trainer", "gpu", gpus=("0",))

    assert refuses(worker, a_run(), sweep_of(a_sweep, a_job("device=cuda"))) is None


@pytest.mark.parametrize(
    ("overrides", "params", "reason"),
    [
        (
            ("trainer=function", "trainer.function=json.tool:main"),
            {"trainer.function": "os:system"},
            "function os:system is not allowed here",
        ),
        (
            ("trainer=command", "trainer.command=sh"),
            {"trainer.command": ["perl", "x"]},
            "command perl is not allowed here",
        ),
        (("trainer=ppo", "sim=sweep_eval"), {"trainer.env": "os:Env-v0"}, "env os:Env-v0 imports os, which is not"),
    ],
)
def test_code_that_a_suggestion_names_needs_permission_too(
    a_job: AJob,
    a_run: ARun,
    a_sweep: ASweep,
    a_worker: AWorker,
    overrides: tuple[str, ...],
    params: dict[str, object],
    reason: str,
) -> None:
    worker = a_worker("trainer", "gpu", allow=("json.*", "command:sh"))
    sweep = sweep_of(a_sweep, a_job(*overrides))

    assert refuses(worker, a_run(params={}), sweep) is None
    assert str(refuses(worker, a_run(params=params), sweep)).startswith(reason)
