"""A run that is lived again from the mirror of its record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shared.domain.restore import life_of, nobodys
from shared.domain.run import (
    Checkpoint,
    EarlierPoint,
    EarlyStop,
    Failure,
    Prediction,
    Run,
    RunState,
    adopt,
    cancel,
    claim,
    fail,
    finish_training,
    keep_checkpoint,
    lose_attempt,
    observe,
    retrain,
    retry,
    stop_early,
)

if TYPE_CHECKING:
    from tests.conftest import ARun


def trained_for_long(run: Run) -> Run:
    """Two attempts, three checkpoints, the first of them pruned."""
    run = claim(run, worker="w", nonce="n", at=1.0)
    for step in (10, 20):
        run = keep_checkpoint(run, Checkpoint(step=step, path=f"{step}.a1", sha256="s"), seconds=2.0)
    run = claim(lose_attempt(run, "killed", max_stuck=3), worker="w", nonce="n", at=2.0)
    return keep_checkpoint(run, Checkpoint(step=30, path="30.a2", sha256="s"), seconds=2.0)


def evaluated(run: Run) -> Run:
    run = finish_training(trained_for_long(run), seconds=1.0, steps=35, metrics={"loss": 0.5})
    return claim(run, worker="w", nonce="n", at=3.0)


def marked(run: Run) -> Run:
    return stop_early(trained_for_long(run), EarlyStop(step=33, score=0.5, cost=7.0, of_steps=90, why="worse"))


def scored_early(run: Run) -> Run:
    point = EarlierPoint(params={"trainer.x": 0.1}, score=0.25, cost=1.0)
    scored = {"score": 0.5, "cost": 7.0, "seconds": 1.0, "steps": 33, "metrics": {"reward": 0.5}}
    return observe(marked(run), **scored, trained={"trainer.x": 0.2}, earlier=(point,))  # type: ignore[arg-type]


MIRRORS: dict[str, tuple[Callable[[Run], Run], RunState]] = {
    "queued": (lambda run: lose_attempt(trained_for_long(run), "killed", max_stuck=3), RunState.QUEUED),
    "training": (trained_for_long, RunState.QUEUED),
    "cancel requested": (lambda run: cancel(trained_for_long(run)), RunState.CANCELLED),
    "stopped early": (marked, RunState.QUEUED),
    "stopped early and cancelled": (lambda run: cancel(marked(run)), RunState.CANCELLED),
    "stopped early and observed": (scored_early, RunState.OBSERVED),
    "evaluating": (evaluated, RunState.TRAINED),
    "observed": (
        lambda run: observe(evaluated(run), score=3.0, cost=8.0, seconds=1.5, steps=35, metrics={"reward": 3.0}),
        RunState.OBSERVED,
    ),
    "failed, and tried again": (
        lambda run: retry(fail(trained_for_long(run), Failure(kind="user code", message="boom"), cost=6.5)),
        RunState.QUEUED,
    ),
    "failed in its evaluation, and tried again": (
        lambda run: retry(fail(evaluated(run), Failure(kind="bad score", message="none"), cost=6.5)),
        RunState.TRAINED,
    ),
    "failed": (
        lambda run: fail(trained_for_long(run), Failure(kind="user code", message="boom"), cost=6.5),
        RunState.FAILED,
    ),
}


@pytest.mark.parametrize("name", sorted(MIRRORS))
def test_a_run_is_restored_as_it_was_and_one_in_progress_waits_again(a_run: ARun, name: str) -> None:
    make, state = MIRRORS[name]
    mirror = make(a_run(params={"trainer.x": 0.5}, prediction=Prediction(source="pareto", score=2.0)))

    back = life_of(mirror)[-1]

    different = {"version", "state", "last_move", "owner", "commits", "progressed", "cancel_requested", "started_at"}
    assert back.state is state
    assert back.owner is None
    if mirror.cancel_requested:
        different.add("early_stop")
    assert back.model_dump(exclude=different) == mirror.model_dump(exclude=different)


@pytest.mark.parametrize("name", sorted(MIRRORS))
def test_its_life_is_one_move_after_the_other_from_the_suggestion_on(a_run: ARun, name: str) -> None:
    life = life_of(MIRRORS[name][0](a_run()))

    assert [run.version for run in life] == list(range(1, len(life) + 1))
    assert life[0].last_move == "suggested"


def adopted(run: Run) -> Run:
    checkpoint = Checkpoint(step=30, path="30.a0", sha256="s", train_seconds=6.0)
    return adopt(evaluated(run), checkpoint, sweep="new", number=2, queue="gpu", metrics={"loss": 0.5})


def in_evaluation(run: Run) -> Run:
    return claim(adopted(run), worker="w", nonce="n", at=3.0)


ADOPTED: dict[str, tuple[Callable[[Run], Run], RunState]] = {
    "adopted": (adopted, RunState.TRAINED),
    "in evaluation": (in_evaluation, RunState.TRAINED),
    "cancel requested": (lambda run: cancel(in_evaluation(run)), RunState.CANCELLED),
    "damaged": (lambda run: retrain(in_evaluation(run), None, "its bytes changed", max_stuck=3), RunState.QUEUED),
    "observed": (
        lambda run: observe(in_evaluation(run), score=3.0, cost=8.0, seconds=1.5, steps=35, metrics={"reward": 3.0}),
        RunState.OBSERVED,
    ),
    "failed": (
        lambda run: fail(in_evaluation(run), Failure(kind="bad score", message="none"), cost=6.5),
        RunState.FAILED,
    ),
}


@pytest.mark.parametrize("name", sorted(ADOPTED))
def test_an_adopted_run_comes_back_as_one(a_run: ARun, name: str) -> None:
    make, state = ADOPTED[name]
    mirror = make(a_run())

    life = life_of(mirror)

    different = {"version", "state", "last_move", "owner", "commits", "cancel_requested", "started_at"}
    assert [run.version for run in life] == list(range(1, len(life) + 1))
    assert (life[0].last_move, life[0].state, life[-1].state) == ("adopted", RunState.TRAINED, state)
    assert life[-1].model_dump(exclude=different) == mirror.model_dump(exclude=different)


def test_a_run_that_no_worker_had_claimed_is_cancelled_so_that_its_number_is_not_used_again() -> None:
    suggested, cancelled = nobodys("s", 3, "gpu")

    assert (suggested.id, suggested.state, cancelled.state) == ("s.r.3", RunState.QUEUED, RunState.CANCELLED)
