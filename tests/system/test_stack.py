"""`sweepctl up` and `down` in the shell: real processes that are killed and ended."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from shared.control.snapshot import Snapshot, take_snapshot
from shared.domain.run import RunState
from shared.local import private_store
from shared.store.store import open_store
from tests.system.test_run_command import FAILING, as_json, folder, left_after_seconds, sweepctl

pytestmark = pytest.mark.slow
__all__ = ["folder"]
NOOP = ("trainer=noop", "sim=none")


def up(*arguments: str) -> dict[str, Any]:
    """Start the stack and return its parts with the process id of each."""
    stack = as_json("up", *arguments)
    return {**stack, "pids": {part["name"]: part["pid"] for part in stack["parts"]}}


def wait_for(claim: Any, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s\n{Path('train_dir/logs/up.log').read_text()}")
        time.sleep(0.2)


def now(sweep: str) -> Snapshot:
    """Return the state of a sweep without starting a process."""
    held = private_store.attach(Path("train_dir"))
    assert held is not None
    with held:
        store = open_store(held.url)
        shot = take_snapshot(store, sweep)
        store.close()
    return shot


def is_finished(sweep: str) -> bool:
    return now(sweep).sweep.is_finished


def test_sweeps_that_are_submitted_in_the_same_folder_are_carried_out_until_down(folder: Path) -> None:
    first = up()
    assert first["started"]
    assert not up()["started"]

    assert sweepctl("submit", "quick", "sweep_run=mine", *NOOP, "budget.max_runs=3").returncode == 0
    wait_for(lambda: is_finished("mine"))
    assert sweepctl("submit", "quick", "sweep_run=cpu", *NOOP, "queue=cpu", "budget.max_runs=1").returncode == 0
    wait_for(lambda: is_finished("cpu"))
    ended = as_json("down")

    assert ended == {"stopped": ["suggester", "trainer", "evaluator"], "killed": [], "runs": [], "unfinished": []}
    assert left_after_seconds(folder) == []
    assert "nothing is running in" in sweepctl("down").stdout
    assert [run["state"] for run in as_json("runs", "mine")] == ["observed"] * 3


def test_run_uses_the_workers_that_are_up(folder: Path) -> None:
    workers = set(up()["pids"].values())

    ended = sweepctl("run", "quick", "sweep_run=mine", *NOOP, "budget.max_runs=2")

    assert ended.returncode == 0, ended.stderr
    assert {worker["pid"] for worker in as_json("workers")} == workers
    assert not up()["started"], "it is still there"
    as_json("down")


def test_a_worker_that_is_killed_is_started_again_and_its_run_continues(folder: Path) -> None:
    pids = up()["pids"]
    sweepctl("submit", "quick", "sweep_run=mine", *NOOP, "budget.max_runs=1", "trainer.step_seconds=3")
    wait_for(lambda: now("mine").counts[RunState.TRAINING])

    os.kill(pids["trainer"], signal.SIGKILL)

    wait_for(lambda: is_finished("mine"))
    assert "trainer ended with exit code -9" in Path("train_dir/logs/up.log").read_text()
    assert up()["pids"]["trainer"] not in (None, pids["trainer"])
    assert as_json("audit", "mine")["ok"]
    as_json("down")


def test_down_gives_runs_back_with_their_checkpoint_and_up_continues_them(folder: Path) -> None:
    up()
    sweepctl("submit", "quick", "sweep_run=mine", "trainer.total_timesteps=2000000", "budget.max_runs=1")
    wait_for(lambda: any(progress.step > 50_000 for progress in now("mine").progress.values()))

    ended = as_json("down")

    assert ended["unfinished"] == ["mine"]
    (handed_back,) = ended["runs"]
    assert (handed_back["run"], handed_back["state"]) == ("mine.r.1", "queued")
    assert handed_back["step"] > 50_000
    assert left_after_seconds(folder) == []
    assert up()["started"]
    wait_for(lambda: now("mine").unfinished[0].attempt == 2)
    as_json("down")


def test_a_supervisor_that_is_killed_leaves_no_process_and_up_starts_again(folder: Path) -> None:
    supervisor = up("--flower")["pid"]

    os.kill(supervisor, signal.SIGKILL)

    assert left_after_seconds(folder) == []
    assert up()["started"]
    as_json("down")


def test_a_store_that_is_killed_with_its_guardian_is_started_again_with_all_workers(folder: Path) -> None:
    pids = up()["pids"]
    guardian = json.loads(Path("train_dir/.store/server.json").read_text())["pid"]

    os.kill(guardian, signal.SIGKILL)

    wait_for(lambda: "starting everything again in" in Path("train_dir/logs/up.log").read_text())
    wait_for(lambda: set(up()["pids"].values()).isdisjoint([*pids.values(), None]))
    sweepctl("submit", "quick", "sweep_run=mine", *NOOP, "budget.max_runs=1")
    wait_for(lambda: is_finished("mine"))
    as_json("down")


def test_a_part_that_ends_as_it_starts_is_the_error_of_up_and_nothing_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_WORKER_CONCURRENCY", "many")  # Celery reads it, and refuses it

    ended = sweepctl("up")

    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert "ended as it started: Error: Invalid value for '-c'" in line
    assert left_after_seconds(folder) == []


def test_the_users_code_is_trained_by_the_workers_of_its_folder(folder: Path) -> None:
    (folder / "luckless.py").write_text(FAILING)
    up()

    function = ("trainer=function", "trainer.function=luckless:train", "sim=none", "budget.max_runs=1")
    sweepctl("submit", "quick", "sweep_run=mine", *function)

    wait_for(lambda: now("mine").counts[RunState.FAILED] == 1)
    assert "no such luck" in as_json("show", "mine.r.1")["failure"]["message"]
    as_json("down")


def test_the_children_of_the_supervisor_are_only_the_parts_and_the_guardian(folder: Path) -> None:
    stack = up()

    children = {child.pid for child in psutil.Process(stack["pid"]).children()}

    assert set(stack["pids"].values()) < children
    assert len(children) == len(stack["pids"]) + 1, "and the guardian of the store"
    as_json("down")


def test_with_a_shared_store_up_starts_only_workers_and_down_leaves_the_store(folder: Path) -> None:
    with private_store.start(folder / "elsewhere") as held, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", held.url)
        up()

        ended = sweepctl("run", "quick", "sweep_run=mine", *NOOP, "budget.max_runs=1")

        assert ended.returncode == 0, ended.stderr
        assert not (folder / "train_dir" / ".store").exists()
        assert as_json("down")["stopped"] == ["suggester", "trainer", "evaluator"]
        assert as_json("runs", "mine")[0]["state"] == "observed"
