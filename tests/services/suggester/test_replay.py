"""The log alone gives every suggestion again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.suggester.advance_sweep import Suggester
from services.suggester.replay import Replayed, replay
from shared.config.compose import compose
from shared.control.steer import enqueue_run
from shared.control.submit import submit
from shared.domain.run import EarlierPoint, RunState, claim, observe
from shared.store.fleet import LiveWorker
from shared.store.store import Store
from tests.logs import log_of

if TYPE_CHECKING:
    from tests.conftest import AJob, AWorker

Bodies = list[dict[str, Any]]
RUNS = 9
CURVES = """
metric: reward
protein: {num_random_samples: 3, cost_param: trainer.steps, learning_curves: true}
parameters:
  trainer:
    x: {distribution: uniform, min: 0.0, max: 1.0}
    steps: {distribution: int_uniform, min: 10, max: 200}
"""


BRANCHES = (
    "+sweep.parameters.trainer.optimizer={type: {distribution: categorical, values: [adam, sgd]}, momentum: "
    "{distribution: uniform, min: 0, max: 1, when: {trainer.optimizer.type: sgd}}, nesterov: {distribution: "
    "categorical, values: [true, false], when: {trainer.optimizer.type: sgd}}}"
)


@pytest.fixture
def log(store: Store, a_job: AJob, a_worker: AWorker) -> Bodies:
    """A sweep in which several runs are always pending, and end out of order."""
    return played(store, a_job, a_worker)


def played(store: Store, a_job: AJob, a_worker: AWorker, *overrides: str) -> Bodies:
    job = a_job("parallelism=3", f"budget.max_runs={RUNS}", "sweep.protein.num_random_samples=3", *overrides)
    submit(store, job)
    enqueue_run(store, "s", ["trainer.optimizer.learning_rate=0.0002"])
    store.fleet.announce(LiveWorker(id="t", service="trainer", host="h", pid=1, queues=("gpu",), slots=3, version="1"))
    suggester = Suggester(store, a_worker("suggester", "suggest", "results").notifications)
    while not store.sweeps.get("s").is_finished:
        suggester.advance("s")
        waiting = store.runs.in_states("s", [RunState.QUEUED])
        for run in waiting[-1:]:
            held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
            rate = float(run.params["trainer.optimizer.learning_rate"])
            scored = observe(held, score=rate, cost=1.0 + rate, seconds=1.0, steps=1, metrics={})
            store.runs.commit(held, scored, lease="drop")
    return [json.loads(json.dumps(entry.event.plain())) for entry in store.sweeps.whole_log("s")]


@pytest.fixture
def curves(store: Store, a_worker: AWorker, tmp_path: Path) -> Bodies:
    """A sweep over the length of a run, whose runs tell of shorter ones; every third is stopped early."""
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "mine.yaml").write_text(CURVES)
    usual = ["trainer=noop", "sim=none", "sweep_run=s", f"budget.max_runs={RUNS}", "parallelism=1", "look_ahead=0"]
    submit(store, compose("mine", usual, data_dir=tmp_path, config_dir=tmp_path).job)
    suggester = Suggester(store, a_worker("suggester", "suggest", "results").notifications)
    while not store.sweeps.get("s").is_finished:
        suggester.advance("s")
        for run in store.runs.in_states("s", [RunState.QUEUED]):
            held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
            x, steps = float(run.params["trainer.x"]), int(run.params["trainer.steps"])
            trained = {"trainer.steps": max(steps // 2, 10)} if run.number % 3 == 0 else {}
            half = EarlierPoint(params={"trainer.steps": max(steps // 4, 10)}, score=x * steps / 4, cost=steps / 4)
            result: dict[str, Any] = {"seconds": 1.0, "steps": steps, "metrics": {}}
            scored = observe(held, score=x * steps, cost=float(steps), **result, trained=trained, earlier=(half,))
            store.runs.commit(held, scored, lease="drop")
    return [json.loads(json.dumps(entry.event.plain())) for entry in store.sweeps.whole_log("s")]


def test_points_of_curves_and_the_lengths_of_runs_that_were_stopped_early_are_in_the_log(
    store: Store, curves: Bodies
) -> None:
    assert replayed(store, curves) == [Replayed(number) for number in range(1, RUNS + 1)]


@pytest.mark.parametrize("key", ["earlier", "trained"])
def test_what_the_search_learned_from_them_is_missed_when_they_are_gone(store: Store, curves: Bodies, key: str) -> None:
    for body in curves:
        body.pop(key, None)

    assert any(again.differences for again in replayed(store, curves))


def replayed(store: Store, log: Bodies) -> list[Replayed]:
    return list(replay(store.sweeps.get("s"), log_of(*log)))


def test_every_suggestion_is_made_again_to_the_bit(store: Store, log: Bodies) -> None:
    made = replayed(store, log)

    assert made == [Replayed(number) for number in range(2, RUNS + 1)], "the first one was asked for"


def test_so_is_every_suggestion_of_optuna(store: Store, a_job: AJob, a_worker: AWorker) -> None:
    log = played(store, a_job, a_worker, "budget.max_runs=16", "sweep.method=optuna-tpe")

    made = replayed(store, log)

    assert made == [Replayed(number) for number in range(2, 17)]
    assert {body["source"] for body in log if body["kind"] == "suggested"} == {"enqueued", "optuna-tpe"}


def test_every_suggestion_of_a_conditional_space_is_made_again_to_the_bit(
    store: Store, a_job: AJob, a_worker: AWorker
) -> None:
    log = played(store, a_job, a_worker, BRANCHES)

    made = replayed(store, log)

    suggested = [body["params"] for body in log if body["kind"] == "suggested"]
    assert made == [Replayed(number) for number in range(2, RUNS + 1)]
    assert {params["trainer.optimizer.type"]: len(params) for params in suggested} == {"adam": 2, "sgd": 4}


def test_what_is_different_is_named_and_the_rest_is_compared_all_the_same(store: Store, log: Bodies) -> None:
    suggested = [body for body in log if body["kind"] == "suggested"]
    suggested[5]["source"] = "elsewhere"

    made = replayed(store, log)

    assert [again.run for again in made if again.differences] == [6]
    assert made[4].differences[0].startswith("source: then 'elsewhere', now '")


def test_a_score_that_was_changed_in_the_log_is_noticed(store: Store, log: Bodies) -> None:
    first = next(body for body in log if body["kind"] == "observed")
    first["score"] += 1.0

    made = replayed(store, log)

    assert any(again.differences for again in made)


def test_of_a_suggestion_that_a_restore_brought_back_nothing_is_claimed(store: Store, log: Bodies) -> None:
    del [body for body in log if body["kind"] == "suggested"][1]["seen"]

    made = replayed(store, log)

    assert made[0] == Replayed(2, is_recorded=False)


def test_a_log_of_a_version_that_did_not_keep_the_noise_is_replayed_without_a_difference(
    store: Store, log: Bodies
) -> None:
    for body in log:
        body.get("memory", {}).pop("noise", None)

    made = replayed(store, log)

    assert [again for again in made if again.differences] == []
