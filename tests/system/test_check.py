"""`sweepctl check` in the shell: a real run on this machine, and real workers of a store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from shared.execution.permission import NO_GPU
from shared.execution.slots import visible_gpus

if TYPE_CHECKING:
    from tests.fleet import Fleet

pytestmark = pytest.mark.slow
CODE = """
import time


def train(run):
    for step in range(run.checkpoint_step + 1, 200):
        count(run, step)


def forgetful(run):
    for step in range(1, 200):
        count(run, step)


def misnamed(run):
    for step in range(1, 6):
        run.report(step, rewards=step)


def stuck(run):
    run.report(1, other=1)
    time.sleep(600)


def count(run, step):
    time.sleep(0.05)
    run.report(step, reward=step)
    run.save_checkpoint(step, lambda path: path.write_text(str(step)))
"""
SPACE = "metric: reward\nparameters: {trainer: {size: {distribution: uniform, min: 0, max: 1}}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder with the user's code and config; a check leaves no file in it or beside it."""
    for name in ("REDIS_URL", "DATA_DIR", "SWEEP_ALLOW"):
        monkeypatch.delenv(name, raising=False)
    work, scratch = tmp_path / "work", Path(tempfile.mkdtemp(prefix="check-", dir="/tmp"))
    (work / "configs" / "sweep").mkdir(parents=True)
    (work / "configs" / "sweep" / "mine.yaml").write_text(SPACE)
    (work / "own_code.py").write_text(CODE)
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.chdir(work)
    yield work
    assert [path.name for path in scratch.iterdir() if path.name.startswith("sweep-check")] == []
    assert not (work / "train_dir").exists()
    assert processes_of(scratch) == []
    shutil.rmtree(scratch)


def processes_of(folder: Path) -> list[list[str]]:
    """Return the commands of the processes that still run in a folder some time after they should have ended."""
    deadline = time.monotonic() + 10
    while True:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("DATA_DIR", "").startswith(str(folder)):
                    found.append(process.cmdline())
            except psutil.Error:
                continue
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def command(function: str, *arguments: str) -> list[str]:
    names = ("trainer=function", f"trainer.function=own_code:{function}", "sim=none")
    return [sys.executable, "-m", "sweepctl", "check", "mine", *names, *arguments]


def check(function: str, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and the findings, by topic."""
    ended = subprocess.run(
        command(function, *arguments, "--json"), capture_output=True, text=True, timeout=110, check=False
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, {finding["topic"]: finding for finding in json.loads(ended.stdout)}


def test_a_training_that_reports_and_resumes_passes(folder: Path) -> None:
    code, found = check("train")

    assert {topic: finding["verdict"] for topic, finding in found.items()} == {
        "config": "ok",
        "space": "ok",
        "feasible": "ok",
        "training": "ok",
        "metric": "ok",
        "resume": "ok",
    }
    assert code == 0
    assert "the training continued from it" in found["resume"]["text"]


def test_a_training_that_ignores_its_checkpoint_fails(folder: Path) -> None:
    code, found = check("forgetful")

    assert code == 1
    assert found["resume"]["verdict"] == "fail"
    assert "restarted at step 1; load run.checkpoint" in found["resume"]["text"]


def test_a_metric_that_is_never_reported_fails_with_the_name_that_was_reported(folder: Path) -> None:
    code, found = check("misnamed")

    assert code == 1
    assert found["metric"]["text"] == (
        "reward was not reported by the end (reported: rewards); report it, or set sweep.metric=rewards"
    )


def test_a_training_without_an_end_is_cancelled_at_the_time_limit(folder: Path) -> None:
    code, found = check("stuck", "--seconds", "3")

    assert code == 1
    assert found["training"]["text"].startswith("cancelled at step 1 after 3 s")
    assert found["metric"]["text"].startswith("reward was not reported within 3 s (reported: other);")


def test_code_that_cannot_be_imported_fails_at_once(folder: Path) -> None:
    (folder / "own_code.py").unlink()

    code, found = check("train")

    assert code == 1
    assert found["training"]["text"].startswith("module own_code of own_code:train cannot be imported here")


@pytest.mark.skipif(bool(visible_gpus()), reason="this machine has a GPU")
def test_a_worker_that_cannot_take_the_run_gives_its_reason_to_the_check(folder: Path) -> None:
    code, found = check("train", "device=cuda", "queue=gpu")

    assert code == 1
    assert found["training"]["text"] == f"the worker on this machine cannot run it: {NO_GPU}"


def test_a_check_that_is_interrupted_leaves_no_process_and_no_file(folder: Path) -> None:
    running = subprocess.Popen(
        command("stuck"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not list(Path(os.environ["TMPDIR"]).glob("sweep-check*/logs/trainer.log")) and time.monotonic() < deadline:
        time.sleep(0.1)

    running.send_signal(signal.SIGINT)

    assert running.wait(timeout=60) == 130


def test_workers_with_different_storage_and_lease_are_found(fleet: Fleet, folder: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    fleet.start("suggester", "evaluator", DATA_DIR=str(one))
    fleet.start("trainer", DATA_DIR=str(other), SWEEP_LEASE_SECONDS="9")
    fleet.wait_until(lambda: len(fleet.store.fleet.live()) == 3)

    code, found = check("train", "--no-run", "--redis", fleet.store.url, "--data-dir", str(one))

    assert code == 1
    assert "the workers use 2 file systems" in found["storage"]["text"]
    assert found["settings"]["text"].startswith("SWEEP_LEASE_SECONDS differs: ")
    assert found["rights"]["text"].endswith("start with SWEEP_ALLOW=own_code:train")
    assert found["code"]["verdict"] == "ok"


def test_a_worker_whose_code_differs_from_the_code_at_the_submit_is_named(
    fleet: Fleet, folder: Path, tmp_path: Path
) -> None:
    from shared.config.compose import compose
    from shared.control.agreement import other_code
    from shared.control.submit import submit

    names = ["trainer=function", "trainer.function=own_code:train", "sim=none", "budget.max_runs=1"]
    sweep = submit(fleet.store, compose("mine", names, data_dir=tmp_path / "data").job).sweep
    with (folder / "own_code.py").open("a") as file:
        file.write("# edited after the submit\n")

    fleet.start("suggester")
    fleet.start("trainer", SWEEP_ALLOW="own_code.*")
    fleet.wait_until_finished(sweep)

    (run,) = fleet.runs(sweep)
    assert run.other_code is not None
    assert run.other_code.startswith("the training's module is ")
    (said,) = other_code(fleet.store.fleet.live(), sweep)
    assert said.endswith(run.other_code)
    log = (tmp_path / "trainer.1.log").read_text()
    assert log.count(f"sweep {sweep.name}: the code here differs from the code at its submit: ") == 1
    environment = tmp_path / "data" / "sweep" / sweep.name / "runs" / run.id / "environment" / "train.1.yaml"
    assert f"differs: {run.other_code}"[:60] in environment.read_text().replace("\n  ", " ")
