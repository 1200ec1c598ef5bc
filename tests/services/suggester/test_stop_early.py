"""Bad runs are marked to end early, from what the store knows of all runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.suggester.stop_early import EarlyStopping
from shared.config.compose import compose
from shared.control.retry import retry_run
from shared.control.steer import cancel_run
from shared.control.submit import submit
from shared.domain.progress import Progress
from shared.domain.run import (
    Checkpoint,
    EarlyStop,
    Failure,
    Prediction,
    Run,
    RunState,
    adopt,
    claim,
    fail,
    keep_checkpoint,
    lose_attempt,
    observe,
    suggest,
)
from shared.domain.sweep import pause
from shared.store.store import Store, open_store
from tests.logs import kinds_of

SPACE = """
metric: reward
early_stop_quantile: 0.3
protein: {cost_param: trainer.epochs}
parameters:
  trainer:
    x: {distribution: uniform, min: 0.0, max: 1.0}
    epochs: {distribution: int_uniform, min: 1, max: 100}
"""
STEPS_AN_EPOCH = 8
WHOLE = 80


class Trainings:
    """Runs of sweep `s` that are trained by hand; each reports `slope` times its step."""

    def __init__(self, store: Store, folder: Path, *overrides: str) -> None:
        self.store = store
        (folder / "sweep").mkdir(exist_ok=True)
        (folder / "sweep" / "mine.yaml").write_text(SPACE)
        usual = ["trainer=noop", "sim=none", "sweep_run=s", "cost=steps"]
        job = compose("mine", [*usual, *overrides], data_dir=folder, config_dir=folder).job
        submit(store, job)

    def start(self, *, epochs: int = WHOLE // STEPS_AN_EPOCH) -> Run:
        sweep = self.store.sweeps.get("s")
        run = suggest(
            sweep="s",
            number=sweep.created + 1,
            queue="gpu",
            params={"trainer.x": 0.5, "trainer.epochs": epochs},
            prediction=Prediction(source="test"),
        )
        self.store.sweeps.commit(sweep, sweep.move("", created=run.number), [run])
        return self.claim(self.store.runs.get(run.id))

    def claim(self, run: Run) -> Run:
        return self.store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)

    def report(self, run: Run, slope: float, *, upto: int, every: int = 10, total: int | None = None) -> None:
        progress = Progress(total_steps=total).resumed(0, attempt=run.attempt)
        for step in range(every, upto + 1, every):
            progress = progress.after(step, {"reward": slope * step}, metric="reward", spent=float(step))
        assert self.store.runs.renew(run, lease_ms=60_000, progress=progress) in ("OK", "CANCEL", "STOP")

    def save(self, run: Run) -> Run:
        saved = keep_checkpoint(run, Checkpoint(step=10, path="p", sha256="s"), seconds=1.0)
        return self.store.runs.commit(run, saved, lease="keep")

    def end(self, run: Run, slope: float) -> Run:
        scored: dict[str, Any] = {"score": slope * WHOLE, "cost": float(WHOLE), "seconds": 1.0, "metrics": {}}
        return self.store.runs.commit(run, observe(run, **scored, steps=WHOLE))

    def finish(self, count: int, *, slope: float = 1.0) -> None:
        for _ in range(count):
            run = self.start()
            self.report(run, slope, upto=WHOLE)
            self.end(run, slope)

    def mark_of(self, run: Run) -> EarlyStop | None:
        return self.store.runs.get(run.id).early_stop


@pytest.fixture
def trainings(store: Store, tmp_path: Path) -> Callable[..., Trainings]:
    """Submit the sweep."""
    return lambda *overrides: Trainings(store, tmp_path, *overrides)


@pytest.fixture
def early_stopping(store: Store) -> EarlyStopping:
    """A suggester that has just started."""
    return EarlyStopping(store)


def test_a_run_that_is_clearly_worse_is_marked_with_what_it_would_be_scored_by(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    sweep.finish(10)
    bad, good = sweep.start(), sweep.start()
    sweep.report(bad, 0.1, upto=40)
    sweep.report(good, 1.0, upto=40)

    early_stopping.stop_bad_runs()

    why = "its best so far is worse than that of 10 of 10 finished runs at a cost of 40"
    assert sweep.mark_of(bad) == EarlyStop(step=40, score=4.0, cost=40.0, of_steps=WHOLE, why=why)
    assert sweep.mark_of(good) is None
    assert sweep.store.runs.get(bad.id).state is RunState.TRAINING
    assert sweep.store.runs.renew(bad, lease_ms=1000) == "STOP"


def test_a_second_look_a_second_suggester_and_one_that_was_restarted_change_nothing(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    sweep.finish(10)
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)
    early_stopping.stop_bad_runs()
    marked = sweep.store.runs.get(bad.id)
    sweep.report(bad, 0.1, upto=50)

    for other in (early_stopping, EarlyStopping(sweep.store), EarlyStopping(open_store(sweep.store.url))):
        other.stop_bad_runs()

    assert sweep.store.runs.get(bad.id) == marked
    assert kinds_of(sweep.store).count("stopped early") == 1


def test_runs_that_finish_meanwhile_are_taken_in(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)
    sweep.finish(9)
    early_stopping.stop_bad_runs()
    assert sweep.mark_of(bad) is None

    sweep.finish(1)
    early_stopping.stop_bad_runs()

    assert sweep.mark_of(bad) is not None


def test_a_sweep_that_did_not_ask_for_it_stops_nothing(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings("sweep.early_stop_quantile=null")
    sweep.finish(10)
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)

    early_stopping.stop_bad_runs()

    assert sweep.mark_of(bad) is None


def test_a_run_that_could_not_be_scored_is_not_stopped(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings("+sim.simulations.cartpole.env=CartPole-v1")
    sweep.finish(10)
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)

    early_stopping.stop_bad_runs()
    assert sweep.mark_of(bad) is None, "it has no checkpoint to evaluate"
    sweep.save(bad)
    early_stopping.stop_bad_runs()

    assert sweep.mark_of(bad) is not None


def test_what_a_lost_attempt_reported_is_not_held_against_the_next_one(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    sweep.finish(10)
    run = sweep.start()
    sweep.report(run, 0.1, upto=40)
    waiting = sweep.store.runs.commit(run, lose_attempt(run, "silent", max_stuck=3))
    again = sweep.claim(waiting)

    early_stopping.stop_bad_runs()
    assert sweep.mark_of(again) is None
    sweep.report(again, 0.1, upto=40)
    early_stopping.stop_bad_runs()

    assert sweep.mark_of(again) is not None


def test_a_run_that_was_cancelled_or_has_ended_is_not_marked(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    sweep.finish(10)
    cancelled, over = sweep.start(), sweep.start()
    for run in (cancelled, over):
        sweep.report(run, 0.1, upto=40)
    cancel_run(sweep.store, cancelled.id)
    sweep.end(over, 0.1)

    early_stopping.stop_bad_runs()

    assert sweep.mark_of(cancelled) is None
    assert sweep.mark_of(over) is None


def test_a_run_that_moves_on_while_it_is_judged_is_judged_the_next_time(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = trainings()
    sweep.finish(10)
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)
    read = sweep.store.runs.progress
    moves: Iterator[Any] = iter([lambda: sweep.save(bad)])

    def read_while_it_saves(name: str, numbers: list[int]) -> dict[int, Progress]:
        if bad.number in numbers:
            next(moves, lambda: None)()
        return read(name, numbers)

    monkeypatch.setattr(sweep.store.runs, "progress", read_while_it_saves)

    early_stopping.stop_bad_runs()
    assert sweep.mark_of(bad) is None
    early_stopping.stop_bad_runs()

    assert sweep.mark_of(bad) is not None


def test_a_paused_sweep_ends_its_bad_runs_all_the_same(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    sweep.finish(10)
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)
    record = sweep.store.sweeps.get("s")
    sweep.store.sweeps.commit(record, pause(record, "lunch"))

    early_stopping.stop_bad_runs()

    assert sweep.mark_of(bad) is not None


def test_the_steps_of_the_whole_run_are_those_that_the_training_reported_if_it_did(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    sweep.finish(10)
    with_total, long = sweep.start(), sweep.start(epochs=100)
    sweep.report(with_total, 0.1, upto=40, total=999)
    sweep.report(long, 0.1, upto=40)

    early_stopping.stop_bad_runs()

    marks = [sweep.mark_of(run) for run in (with_total, long)]
    assert [mark.of_steps if mark else None for mark in marks] == [999, 100 * STEPS_AN_EPOCH]


def test_runs_without_a_curve_are_reported_once_and_stop_nothing(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = trainings()
    for _ in range(12):
        sweep.end(sweep.start(), 1.0)
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)

    with caplog.at_level(logging.WARNING):
        early_stopping.stop_bad_runs()
        early_stopping.stop_bad_runs()

    assert sweep.mark_of(bad) is None
    assert [record.getMessage() for record in caplog.records] == [
        "sweep s: run 1 reported no reward while it trained: without curves no run can be stopped early"
    ]


# ------------------------------------------------------------------------------------------------ done again


def adopt_one(sweep: Trainings, *, early_stop: EarlyStop | None = None) -> Run:
    """Let a run that was trained in another sweep be scored in this one."""
    known = sweep.store.sweeps.get("s")
    trained = suggest(
        sweep="old",
        number=7,
        queue="gpu",
        params={"trainer.x": 0.5, "trainer.epochs": WHOLE // STEPS_AN_EPOCH},
        prediction=Prediction(source="test"),
    ).model_copy(update={"early_stop": early_stop})
    checkpoint = Checkpoint(step=WHOLE, path="p", sha256="s")
    run = adopt(trained, checkpoint, sweep="s", number=known.created + 1, queue="gpu", metrics={})
    sweep.store.sweeps.commit(known, known.move("", created=run.number), [run])
    curve = Progress()
    for step in range(10, WHOLE + 1, 10):
        curve = curve.after(step, {"reward": float(step)}, metric="reward", spent=float(step))
    sweep.store.runs.keep_progress("s", {run.number: curve})
    return sweep.end(sweep.claim(sweep.store.runs.get(run.id)), 1.0)


def test_runs_that_were_trained_in_another_sweep_are_compared_with(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    for _ in range(10):
        adopt_one(sweep)
    adopt_one(sweep, early_stop=EarlyStop(step=10, score=1.0, cost=10.0, of_steps=WHOLE, why="worse"))
    run = sweep.start()
    sweep.report(run, 0.1, upto=40)

    early_stopping.stop_bad_runs()

    mark = sweep.mark_of(run)
    assert mark is not None
    assert mark.of_steps == WHOLE, "as those that were not stopped early did"


def test_a_run_that_failed_and_was_tried_again_is_judged_and_counted_as_any_other(
    trainings: Callable[..., Trainings], early_stopping: EarlyStopping
) -> None:
    sweep = trainings()
    sweep.finish(9)
    run = sweep.start()
    sweep.store.runs.commit(run, fail(run, Failure(kind="user code", message="boom"), cost=1.0))
    early_stopping.stop_bad_runs()
    retry_run(sweep.store, run.id)
    run = sweep.claim(sweep.store.runs.get(run.id))
    sweep.report(run, 1.0, upto=WHOLE)
    sweep.end(run, 1.0)
    bad = sweep.start()
    sweep.report(bad, 0.1, upto=40)

    early_stopping.stop_bad_runs()

    assert sweep.mark_of(bad) is not None
