"""The real client of W&B against a W&B that refuses, is busy, or goes away: nothing is raised, nothing is lost."""

from __future__ import annotations

import gc
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import wandb

from shared.tracking import wandb_tracker
from shared.tracking.tracker import TrackedRun
from shared.tracking.wandb_tracker import WandbTracker
from tests.shared.tracking.conftest import KEY

if TYPE_CHECKING:
    from tests.shared.tracking.conftest import SmallWandb

# Threads of W&B's client find out by an exception that their process was ended.
ENDED = "ignore::pytest.PytestUnhandledThreadExceptionWarning"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(ENDED)]
OUTCOME = {"score": 0.5, "verdict": "a-word-to-find"}
OFFLINE = "continuing offline; run `wandb sync` later to upload the runs"


@pytest.fixture
def tracker(tmp_path: Path, small_wandb: SmallWandb, monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbTracker]:
    """An online one that does not wait for long."""
    monkeypatch.setattr(wandb_tracker, "INIT_SECONDS", 2)
    monkeypatch.setattr(wandb_tracker, "FINISH_SECONDS", 1.0)
    yield WandbTracker(mode="online", project="p", entity=None, group="g", name=None, folder=tmp_path)
    wandb.teardown()
    wait_for(lambda: not any(thread.name.endswith("Thr") for thread in threading.enumerate()))
    with warnings.catch_warnings():  # sockets that W&B's client leaves to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def a_run(number: int, outcome: dict[str, Any] | None = None, *, points: int = 1) -> TrackedRun:
    curve = [(step, float(step)) for step in range(points)]
    name = f"s.r.{number}"
    return TrackedRun(id=name, attempt=1, params={}, config={}, metric="reward", curve=curve, outcome=outcome)


def wait_for(claim: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "W&B's process did not write it"
        time.sleep(0.1)


def written_offline(folder: Path, number: int) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob(f"wandb/offline-run-*/run-s.r.{number}.wandb"))


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name == wandb_tracker.__name__]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


def test_a_run_is_tracked_online_while_it_is_running(
    tracker: WandbTracker, small_wandb: SmallWandb, tmp_path: Path
) -> None:
    tracker.update(a_run(1))
    tracker.update(a_run(1, OUTCOME, points=3))

    assert any("UpsertBucket" in query for query in small_wandb.asked)
    assert written_offline(tmp_path, 1) == b""


@pytest.mark.parametrize("trouble", [401, 429, "refused"])
def test_a_wandb_that_cannot_be_used_costs_one_warning_and_the_runs_are_written_offline(
    tracker: WandbTracker,
    small_wandb: SmallWandb,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    trouble: int | str,
) -> None:
    if trouble == "refused":
        small_wandb.go_away()
    else:
        small_wandb.status = int(trouble)

    for number in (1, 2):
        tracker.update(a_run(number, OUTCOME))

    (warning,) = warnings_in(caplog)
    assert warning.endswith(OFFLINE)
    for number in (1, 2):
        wait_for(lambda number=number: b"a-word-to-find" in written_offline(tmp_path, number))  # type: ignore[misc]


def test_a_wandb_that_fails_in_mid_run_loses_no_run_that_was_open_and_the_key_is_written_nowhere(
    tracker: WandbTracker, small_wandb: SmallWandb, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker.update(a_run(1))
    small_wandb.status = 401
    tracker.update(a_run(2, OUTCOME))
    tracker.update(a_run(1, OUTCOME, points=3))

    (warning,) = warnings_in(caplog)
    assert warning.endswith(OFFLINE)
    for number in (1, 2):
        wait_for(lambda number=number: b"a-word-to-find" in written_offline(tmp_path, number))  # type: ignore[misc]
    assert any(small_wandb.keys)
    assert KEY not in caplog.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_a_wandb_that_goes_away_before_the_end_of_a_run_keeps_nobody_waiting(
    tracker: WandbTracker, small_wandb: SmallWandb, tmp_path: Path
) -> None:
    tracker.update(a_run(1))
    small_wandb.status = 503
    begun = time.monotonic()

    tracker.update(a_run(1, OUTCOME))

    assert time.monotonic() - begun < 20  # without a limit of ours it waits for hours
    (file,) = tmp_path.glob("wandb/run-*/run-s.r.1.wandb")
    wait_for(lambda: b"a-word-to-find" in file.read_bytes())


def test_a_wandb_that_fails_offline_too_is_reported_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    tracker = WandbTracker(mode="offline", project="p", entity=None, group="g", name=None, folder=tmp_path / "file")

    tracker.update(a_run(1, OUTCOME))
    tracker.close()

    assert warnings_in(caplog) == ["run s.r.1: W&B failed (FileExistsError): the run is only in the store, not in W&B"]
