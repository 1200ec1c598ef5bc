"""Each run becomes one run of the tracker, whatever happens to the suggester in between."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.suggester.track import Tracking
from shared.control.submit import submit
from shared.domain import run as moves
from shared.domain.progress import Progress
from shared.domain.run import EarlyStop, Prediction, Run
from shared.domain.sweep import SweepState
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AJob


def add_run(store: Store, number: int) -> Run:
    sweep = store.sweeps.get("s")
    params = {"trainer.optimizer.learning_rate": 0.1 * number}
    run = moves.suggest(sweep="s", number=number, queue="gpu", params=params, prediction=Prediction(source="centre"))
    store.sweeps.commit(sweep, sweep.move("", created=number), [run])
    return store.runs.get(run.id)


def train(store: Store, run: Run) -> Run:
    claimed = moves.claim(run, worker="w", nonce="n", at=0.0)
    held = store.runs.claim(run, claimed, lease_ms=60_000)
    curve = tuple((step, float(step)) for step in range(5))
    store.runs.renew(held, lease_ms=60_000, progress=Progress(step=4, metrics={"reward": 4.0}, curve=curve))
    return held


def observe(store: Store, run: Run) -> None:
    store.runs.commit(run, moves.observe(run, score=4.0, cost=1.0, seconds=1.0, steps=4, metrics={}))


def written(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "sweep" / "s" / "wandb").glob("offline-run-*/*.wandb"))


@pytest.mark.slow
def test_an_offline_run_is_written_once_with_its_curve_its_parameters_and_its_outcome(
    store: Store, a_job: AJob, tmp_path: Path
) -> None:
    submit(store, a_job("wandb=offline"))
    tracking = Tracking(store, tmp_path)
    run = train(store, add_run(store, 1))
    tracking.follow_all()
    observe(store, run)
    tracking.follow_all()
    tracking.close()

    assert written(tmp_path) == ["run-s.r.1.wandb"]
    (file,) = (tmp_path / "sweep" / "s" / "wandb").glob("offline-run-*/*.wandb")
    wanted = (b"reward", b"learning_rate", b"train_seconds", b"score", b"protein-sweeps")
    deadline = time.monotonic() + 20  # a process of W&B's own writes the file
    while not all(part in file.read_bytes() for part in wanted) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [part for part in wanted if part not in file.read_bytes()] == []


@pytest.mark.slow
def test_of_a_run_that_was_stopped_early_the_summary_says_why(store: Store, a_job: AJob, tmp_path: Path) -> None:
    submit(store, a_job("wandb=offline"))
    tracking = Tracking(store, tmp_path)
    run = train(store, add_run(store, 1))
    stop = EarlyStop(step=4, score=4.0, cost=1.0, why="a-reason-to-find")
    observe(store, store.runs.commit(run, moves.stop_early(run, stop), lease="keep"))
    tracking.follow_all()
    tracking.close()

    (file,) = (tmp_path / "sweep" / "s" / "wandb").glob("offline-run-*/*.wandb")
    deadline = time.monotonic() + 20
    while b"a-reason-to-find" not in file.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert b"stopped_early" in file.read_bytes()
    assert b"a-reason-to-find" in file.read_bytes()


@pytest.mark.slow
def test_a_tracker_that_starts_after_the_end_of_a_sweep_sends_what_was_not_sent(
    store: Store, a_job: AJob, tmp_path: Path
) -> None:
    submit(store, a_job("wandb=offline"))
    first = Tracking(store, tmp_path)
    observe(store, train(store, add_run(store, 1)))
    first.close()
    observe(store, train(store, add_run(store, 2)))
    sweep = store.sweeps.get("s")
    store.sweeps.commit(sweep, sweep.move("finished", state=SweepState.FINISHED))

    Tracking(store, tmp_path).close()

    assert written(tmp_path) == ["run-s.r.1.wandb", "run-s.r.2.wandb"]
    assert store.sweeps.tracked() == []


def test_a_sweep_with_wandb_off_loads_no_tracker_and_leaves_no_file(store: Store, a_job: AJob, tmp_path: Path) -> None:
    submit(store, a_job())
    observe(store, train(store, add_run(store, 1)))

    Tracking(store, tmp_path).close()

    assert not (tmp_path / "sweep" / "s" / "wandb").exists()
    assert store.sweeps.tracked() == []
