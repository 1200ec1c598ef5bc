"""The workers of one machine: started again or not, and what is said about their end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.run import RunState, claim
from shared.execution.permission import entry_points
from shared.local import trial
from shared.local.run_sweep import LocalSweep
from shared.local.workers import Death, LocalWorkers, WorkerFailed, last_words, take_from_the_dead
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("trainer=noop",), ()),
        (("trainer=function", "trainer.function=my_pkg.train:go"), ("my_pkg.train:go",)),
        (("trainer=command", "trainer.command='./train.sh {args}'"), ("command:./train.sh",)),
        (("trainer=ppo", "trainer.env=my_envs:Maze-v0", "sim=sweep_eval"), ("env:my_envs",)),
    ],
)
def test_who_runs_a_sweep_here_vouches_for_what_it_imports(
    a_job: AJob, overrides: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert entry_points(a_job(*overrides)) == expected


def test_runs_of_this_machines_dead_workers_wait_again_at_once_and_no_others(
    store: Store, a_run: ARun, a_sweep: ASweep
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = socket.gethostname()
    owners = [f"trainer@{here}:{dead.pid}", f"trainer@{here}:{os.getpid()}", f"trainer@elsewhere:{dead.pid}", "odd"]
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move(""), [a_run(number=n) for n in range(1, len(owners) + 1)])
    for number, owner in enumerate(owners, start=1):
        run = store.runs.get(f"s.r.{number}")
        store.runs.claim(run, claim(run, worker=owner, nonce="n", at=0.0), lease_ms=60_000)

    take_from_the_dead(store, "s")

    assert [run.number for run in store.runs.in_states("s", [RunState.QUEUED])] == [1]
    assert store.runs.get("s.r.1").setback == "its worker died"


TOO_SHORT = {"SWEEP_LEASE_SECONDS": "0.5"}
"""Settings with which a worker ends at once, with exit code 2."""
WHY_TOO_SHORT = "SWEEP_LEASE_SECONDS is 0.5: expected 2 or more"
BEFORE = b"trainer: words of an earlier start\n"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("trainer: no such queue\n", "no such queue"),
        ("Traceback ...\nImportError: no module\n\n", "ImportError: no module"),
        (
            "[2026-01-01 10:00:00,000: CRITICAL/MainThread] the store was replaced\n"
            "[2026-01-01 10:00:01,000: INFO/MainThread] could not sign off\n",
            "the store was replaced",
        ),
        ("", "it gave no reason"),
    ],
)
def test_the_reason_of_an_end_is_the_last_critical_line_of_the_log_else_the_last_one(
    tmp_path: Path, said: str, expected: str
) -> None:
    (tmp_path / "log").write_bytes(BEFORE + said.encode())

    assert last_words(tmp_path / "log", since=len(BEFORE), service="trainer") == expected


def test_a_worker_that_failed_ends_the_command_with_its_reason_and_its_exit_code(tmp_path: Path) -> None:
    def failed(exit_code: int) -> WorkerFailed:
        return WorkerFailed(Death("trainer", exit_code, 6, "no such luck", tmp_path / "log", None))

    assert (failed(4).exit_code, failed(1).exit_code, failed(-9).exit_code) == (4, 1, 1)
    assert str(failed(4)) == f"the trainer cannot run: no such luck; see {tmp_path / 'log'}"
    assert str(failed(1)).startswith("the trainer ended 6 times in a row, the last time with: no such luck; see")


@pytest.mark.slow
def test_a_worker_that_was_killed_is_started_again_after_a_second(store: Store, tmp_path: Path) -> None:
    workers = LocalWorkers(store.url, tmp_path)
    workers.start("suggester")
    try:
        workers.processes["suggester"].kill()
        workers.processes["suggester"].wait()
        now = time.monotonic()

        (death,) = workers.note_deaths(now)
        assert (death.service, death.exit_code, death.wait) == ("suggester", -9, 1.0)
        assert workers.note_deaths(now + 0.5) == []
        assert workers.start_due(now + 0.5) == []
        assert workers.failed() == []

        assert workers.start_due(now + 1.0) == ["suggester"]
        assert workers.processes["suggester"].poll() is None
    finally:
        workers.end()


@pytest.mark.slow
def test_a_worker_that_cannot_use_its_settings_is_never_started_again(store: Store, tmp_path: Path) -> None:
    workers = LocalWorkers(store.url, tmp_path, settings=TOO_SHORT)
    workers.start("suggester")
    workers.processes["suggester"].wait(60)

    (death,) = workers.note_deaths(time.monotonic())

    assert (death.exit_code, death.wait) == (2, None)
    assert death.reason.startswith(WHY_TOO_SHORT)
    assert workers.failed() == [death]
    assert workers.start_due(time.monotonic() + 1000) == []


@pytest.mark.slow
def test_the_reason_of_a_worker_that_cannot_run_is_the_error_of_run(store: Store, a_job: AJob, tmp_path: Path) -> None:
    with pytest.raises(WorkerFailed) as caught:
        list(LocalSweep(store, a_job(), tmp_path, settings=TOO_SHORT).follow())

    assert caught.value.exit_code == 2
    assert f"cannot run: {WHY_TOO_SHORT}" in str(caught.value)


@pytest.mark.slow
def test_the_reason_of_a_worker_that_cannot_run_is_a_finding_of_check(
    a_job: AJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SETTINGS", TOO_SHORT)

    seen = trial.try_a_run(a_job(), seconds=60, on_step=lambda *_: None)

    assert seen.trouble is not None
    assert f"cannot run: {WHY_TOO_SHORT}" in seen.trouble
    (finding,) = trial.judge(a_job(), seen)
    assert (finding.verdict, finding.topic, finding.text) == ("fail", "training", seen.trouble)
