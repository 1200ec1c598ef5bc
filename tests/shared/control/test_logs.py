"""What a run printed, and what it prints later."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.control.logs import follow_log
from shared.domain.errors import NotFound
from shared.domain.run import Run, claim, lose_attempt, observe
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


@pytest.fixture
def run(store: Store, a_run: ARun, a_sweep: ASweep, tmp_path: Path) -> Run:
    """Return run 1 in its first attempt, whose log has a line."""
    sweep = store.sweeps.create(a_sweep(config={"runs_dir": str(tmp_path)}))
    store.sweeps.commit(sweep, sweep.move("", created=2), [a_run(number=1), a_run(number=2)])
    (tmp_path / "s.r.1" / "logs").mkdir(parents=True)
    log_of(tmp_path, 1).write_bytes(b"first\n")
    return start(store, store.runs.get("s.r.1"))


def log_of(folder: Path, attempt: int) -> Path:
    return folder / "s.r.1" / "logs" / f"train.{attempt}.log"


def start(store: Store, run: Run) -> Run:
    return store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)


def test_what_was_printed_is_shown_and_that_is_all(store: Store, run: Run) -> None:
    assert b"".join(follow_log(store, run.id)) == b"first\n"


def test_a_followed_log_continues_with_the_next_attempt_until_the_end(store: Store, run: Run, tmp_path: Path) -> None:
    read = follow_log(store, run.id, follow=True)
    assert next(read) == b"first\n"

    def continue_it() -> None:
        with log_of(tmp_path, 1).open("ab") as log:
            log.write(b"more\n")
        again = store.runs.commit(run, lose_attempt(run, "silent", max_stuck=3))
        again = start(store, again)
        log_of(tmp_path, 2).write_bytes(b"last\n")
        done = observe(again, score=1.0, cost=1.0, seconds=1.0, steps=1, metrics={})
        store.runs.commit(again, done)

    worker = threading.Thread(target=continue_it)
    worker.start()
    rest = b"".join(read)
    worker.join()

    assert rest.endswith(b"--- train.2.log ---\nlast\n")
    assert b"".join(follow_log(store, run.id, attempt=1)) == b"first\nmore\n"


@pytest.mark.parametrize(
    ("run_id", "attempt", "message"),
    [
        ("s.r.1", 7, "has no log of attempt 7: expected one of 1"),
        ("s.r.2", None, "run s.r.2 is queued: it has not printed anything yet"),
        ("s.r.9", None, "s.r.9"),
    ],
)
@pytest.mark.usefixtures("run")
def test_what_is_not_there_is_reported(store: Store, run_id: str, attempt: int | None, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        list(follow_log(store, run_id, attempt=attempt))


def test_a_log_that_lies_elsewhere_is_reported(store: Store, run: Run, tmp_path: Path) -> None:
    log_of(tmp_path, 1).unlink()

    with pytest.raises(NotFound, match="has no log: look on a machine where the workers' data folder is mounted"):
        list(follow_log(store, run.id))
