"""Runs whose training is a shell script: what it gets, what it reports, how it ends. Real children, a real server."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from services.trainer.command import ReportFile, find_checkpoint
from services.trainer.report_lines import BadReport, Report
from services.trainer.train_run import train_due_runs
from shared.domain.run import EarlyStop, Run, RunState, cancel, stop_early
from shared.storage.folders import RunFolder
from shared.store.store import Store
from tests.logs import kinds_of

if TYPE_CHECKING:
    from shared.execution.worker import Worker
    from tests.conftest import AJob, ARun, ASweep, AWorker

slow = pytest.mark.slow
Train = Callable[..., Run]


# ------------------------------------------------------------------------------------------------ its reports


@pytest.fixture
def reports(tmp_path: Path) -> ReportFile:
    """An empty file of reports."""
    return ReportFile(tmp_path / "report.jsonl")


def test_reports_are_read_as_they_are_appended(reports: ReportFile) -> None:
    with reports.path.open("a", buffering=1) as file:
        file.write('{"step": 1}\n{"step": 2}\n{"st')
        first = reports.read()
        file.write('ep": 3}\n')

        assert (first, reports.read(), reports.read()) == ([Report(1), Report(2)], [Report(3)], [])


def test_at_the_end_all_reports_are_read(reports: ReportFile) -> None:
    with reports.path.open("a") as file:
        file.writelines(f'{{"step": {step}, "text": {"1" * 60}}}\n' for step in range(30_000))
        file.write('{"score": 1}')

    assert [report.step for report in reports.read_to_the_end()] == [*range(30_000), None]


@pytest.mark.parametrize("line", ['{"step": 2}\n', "\n"])
def test_a_report_file_that_is_overwritten_is_an_error(reports: ReportFile, line: str) -> None:
    reports.path.write_text('{"step": 1}\n')
    reports.read()
    time.sleep(0.02)
    reports.path.write_text(line)

    with pytest.raises(BadReport, match="append to it, in a shell with >> and not with >"):
        reports.read()


def test_a_report_file_that_was_removed_is_an_error(reports: ReportFile) -> None:
    reports.path.unlink()

    with pytest.raises(BadReport, match="SWEEP_REPORT was removed"):
        reports.read()


def test_a_checkpoint_must_be_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    (folder / "deep").mkdir(parents=True)
    (folder / "model.bin").write_text("1")
    (tmp_path / "outside").write_text("1")
    (folder / "link").symlink_to(tmp_path / "outside")

    assert find_checkpoint(folder, "model.bin") == find_checkpoint(folder, str(folder / "model.bin"))
    assert find_checkpoint(folder, "deep") == (folder / "deep").resolve()
    for name in ("gone", "../outside", "link", "/etc/passwd", ".", "", ".."):
        with pytest.raises(BadReport, match="is not in SWEEP_CHECKPOINT_DIR"):
            find_checkpoint(folder, name)


# ------------------------------------------------------------------------------------------------ whole runs


@pytest.fixture
def train(
    store: Store,
    a_run: ARun,
    a_sweep: ASweep,
    a_job: AJob,
    a_worker: AWorker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    children: None,
) -> Train:
    """Train one run with a script; return its record afterwards."""
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "train.sh"

    def run(text: str, *overrides: str, beside: Callable[[Worker], object] | None = None, **settings: Any) -> Run:
        script.write_text(f"#!/bin/sh\nset -e\n{text}\n")
        script.chmod(0o755)
        if store.sweeps.find("s") is None:
            command = ("trainer=command", f'trainer.command="{script} {{args}}"', "+trainer.x=0", "cost=steps")
            sweep = store.sweeps.create(a_sweep(config=a_job(*command, *overrides).model_dump(mode="json")))
            store.sweeps.commit(sweep, sweep.move(""), [a_run(params={"trainer.x": 0.25})])
        worker = a_worker("trainer", "gpu", allow=("command:*",), heartbeat_seconds=0.2, **settings)
        other = threading.Thread(target=beside or (lambda _: None), args=(worker,))
        other.start()
        train_due_runs(worker, "s.r.1")
        other.join()
        return store.runs.get("s.r.1")

    return run


def log_of(tmp_path: Path, attempt: int = 1) -> str:
    return (tmp_path / f"sweep/s/runs/s.r.1/logs/train.{attempt}.log").read_text()


def wait_for_output(tmp_path: Path, word: str, *, attempt: int = 1) -> None:
    """Wait until the script has printed a word."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        folder = tmp_path / "sweep/s/runs/s.r.1/logs"
        if any(word in log.read_text() for log in folder.glob(f"train.{attempt}.log")):
            return
        time.sleep(0.02)
    pytest.fail(f"it never printed {word}")


def processes_with(mark: str) -> list[int]:
    """Return the ids of the processes that have `mark` among their arguments."""
    return [process.pid for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or ())]


@slow
def test_a_script_is_scored_by_what_it_reports(train: Train, tmp_path: Path) -> None:
    run = train("""
        for step in 1 2 3; do echo "{\\"step\\": $step, \\"reward\\": $step.5}" >> $SWEEP_REPORT; done
        echo "it says $1"
        echo reward=9""")

    assert (run.state, run.score, run.cost, run.metrics) == (RunState.OBSERVED, 3.5, 3.0, {"reward": 3.5})
    assert log_of(tmp_path) == f"+ {tmp_path}/train.sh --x=0.25\nit says --x=0.25\nreward=9\n"


@slow
def test_a_result_replaces_what_was_reported(train: Train) -> None:
    run = train("""
        echo '{"step": 5, "reward": 1}' >> $SWEEP_REPORT
        echo '{"score": 7}' >> $SWEEP_REPORT
        printf '{"cost": 12, "size": 3}' >> $SWEEP_REPORT""")

    assert (run.score, run.cost, run.metrics["size"]) == (7.0, 12.0, 3.0)


@slow
def test_reports_in_quick_succession_lose_no_metric(train: Train) -> None:
    run = train("""
        printf '{"step": 1, "loss": 3}\\n{"step": 1, "reward": 2}\\n{"step": 1, "speed": 1}\\n' >> $SWEEP_REPORT""")

    assert run.metrics == {"loss": 3.0, "reward": 2.0, "speed": 1.0}


@slow
def test_its_environment_names_its_config_and_its_folders_and_has_no_secret(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "look.py").write_text(
        "import os, json\n"
        "found = {'env': dict(os.environ), 'config': json.load(open(os.environ['SWEEP_CONFIG']))}\n"
        "found |= {'files': sorted(os.listdir('/dev/fd')), 'stdin': os.read(0, 1).decode()}\n"
        "json.dump(found, open('found.json', 'w'))\n"
    )
    for name in ("REDIS_URL", "WANDB_API_KEY", "MY_TOKEN"):
        monkeypatch.setenv(name, "redis://:hush@host/0")

    run = train(f"{sys.executable} look.py; echo '{{\"score\": 1}}' >> $SWEEP_REPORT")

    assert run.state is RunState.OBSERVED, run.failure
    found = json.loads((tmp_path / "found.json").read_text())
    assert "hush" not in str(found)
    environment, folder = found["env"], tmp_path / "sweep/s/runs/s.r.1/workspace.1"
    assert found["config"]["trainer"]["x"] == 0.25
    assert environment["SWEEP_RUN"] == "s.r.1"
    assert environment["SWEEP_ATTEMPT"] == "1"
    assert environment["SWEEP_DEVICE"] == "cpu"
    assert environment["SWEEP_SEED"].isdecimal()
    assert environment["SWEEP_CHECKPOINT_DIR"] == str(folder / "checkpoints")
    assert environment["CUDA_VISIBLE_DEVICES"] == ""
    assert environment["OMP_NUM_THREADS"].isdecimal()
    assert environment.keys().isdisjoint({"SWEEP_CHECKPOINT", "SWEEP_CHECKPOINT_STEP"})
    assert found["stdin"] == ""
    assert len(found["files"]) <= 4, "stdin, stdout, stderr, and the folder that was listed"


@slow
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo oops; exit 3", "train.sh ended with exit code 3, its last line: oops"),
        ("exit 1", "train.sh ended with exit code 1"),
        ("echo bad; kill -SEGV $$", "train.sh was killed by SIGSEGV, its last line: bad"),
        ("echo 'step=3' >> $SWEEP_REPORT; sleep 9", "line 1 of SWEEP_REPORT is 'step=3': expected JSON such as"),
        ("true", "metric 'reward' was never reported; seen: nothing"),
        (
            'echo \'{"step": 1, "checkpoint": "a"}\' >> $SWEEP_REPORT; sleep 9',
            "checkpoint 'a' is not in SWEEP_CHECKPOINT_DIR: write it there, before the line that names it",
        ),
    ],
)
def test_a_fault_of_the_script_fails_the_run_with_the_reason(train: Train, script: str, expected: str) -> None:
    run = train(script)

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert expected in run.failure.message


@slow
def test_a_file_that_is_not_a_program_fails_the_run_with_the_reason(train: Train, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("x")
    (tmp_path / "data.txt").chmod(0o755)

    run = train("true", f'trainer.command="{tmp_path}/data.txt"')

    assert run.failure is not None
    assert "data.txt could not be started: Exec format error: does its first line name an" in run.failure.message


@slow
def test_a_script_continues_from_the_checkpoint_that_it_named_last(train: Train, store: Store, tmp_path: Path) -> None:
    first = """
        echo "began at ${SWEEP_CHECKPOINT_STEP-nothing}"
        for step in 1 2 3; do
            echo $step > $SWEEP_CHECKPOINT_DIR/m-$step.txt
            echo "{\\"step\\": $step, \\"checkpoint\\": \\"m-$step.txt\\", \\"reward\\": $step}" >> $SWEEP_REPORT
        done
        echo half > $SWEEP_CHECKPOINT_DIR/m-4.txt
        [ -z "$SWEEP_CHECKPOINT" ] || { echo "read $(cat $SWEEP_CHECKPOINT) from $SWEEP_CHECKPOINT"; exit 0; }
        while [ -e $SWEEP_CHECKPOINT_DIR/m-3.txt ]; do sleep 0.05; done # until it is moved
        sleep 0.5
        kill -9 $$"""

    run = train(first)

    assert (run.state, run.attempt, run.score) == (RunState.OBSERVED, 2, 3.0)
    place = tmp_path / "sweep/s/runs/s.r.1"
    assert "began at nothing" in log_of(tmp_path, 1)
    assert f"began at 3\nread 3 from {place}/checkpoints/000000000003.a1/state.txt" in log_of(tmp_path, 2)
    assert not list(place.glob("workspace.*/checkpoints"))
    kinds = kinds_of(store)
    assert "lost" in kinds


@slow
def test_a_folder_may_be_a_checkpoint(train: Train, tmp_path: Path) -> None:
    run = train("""
        mkdir $SWEEP_CHECKPOINT_DIR/step.7; echo 1 > $SWEEP_CHECKPOINT_DIR/step.7/weights
        echo '{"step": 7, "checkpoint": "step.7"}' >> $SWEEP_REPORT
        echo '{"score": 1}' >> $SWEEP_REPORT""")

    assert run.checkpoint is not None
    saved = tmp_path / "sweep/s/runs/s.r.1/checkpoints" / run.checkpoint.path
    assert (saved / "state" / "weights").read_text() == "1\n"


WANDB_SCRIPT = """
import time, wandb
run = wandb.init(project="mine", config={"x": 9})
for step in range(400):
    run.log({"eval/return": step + run.config["x"], "score": -5, "cost": -1, "step": 3, "loss": 1})
    time.sleep(0.02)
    if step == LAST:
        break
"""


@slow
def test_a_script_that_logs_to_wandb_is_scored_by_its_log(train: Train, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(WANDB_SCRIPT.replace("LAST", "20"))

    run = train(f"exec {sys.executable} own.py", "sweep.metric=eval/return")

    assert (run.state, run.score, run.cost) == (RunState.OBSERVED, 20.25, 20.0), log_of(tmp_path)
    assert run.metrics == {"eval/return": 20.25, "loss": 1.0}


@slow
def test_a_script_that_logs_to_wandb_can_be_stopped_early(train: Train, store: Store, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(WANDB_SCRIPT.replace("LAST", "None"))

    def ask(worker: Worker) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            progress = store.runs.progress("s", [1]).get(1)
            if progress and len(progress.curve) > 1 and progress.step < 390:
                break
            time.sleep(0.05)
        run = store.runs.get("s.r.1")
        stop = EarlyStop(step=1, score=1.0, cost=1.0, of_steps=400, why="worse than the others")
        store.runs.commit(run, stop_early(run, stop), lease="keep")

    run = train(f"exec {sys.executable} own.py", "sweep.metric=eval/return", beside=ask)

    assert (run.state, run.early_stop is not None) == (RunState.OBSERVED, True)
    assert run.score is not None
    assert 0 < run.score < 395


# ------------------------------------------------------------------------------------------------ its end


@slow
def test_no_process_of_a_script_that_ended_is_left(train: Train, tmp_path: Path) -> None:
    run = train(f"""
        sh -c 'sleep 77; :' mark-{os.getpid()} &
        setsid sh -c 'sleep 77; :' mark-{os.getpid()} &
        nohup setsid sh -c '(sleep 77; :) & sleep 77' mark-{os.getpid()} > /dev/null 2>&1 &
        sleep 0.2
        echo '{{"score": 1}}' >> $SWEEP_REPORT""")

    assert run.state is RunState.OBSERVED
    assert processes_with(f"mark-{os.getpid()}") == []


@slow
@pytest.mark.parametrize("reason", ["cancelled", "stopped early", "preempted"])
def test_a_script_that_must_end_gets_a_signal_and_can_save_and_report(
    train: Train, store: Store, tmp_path: Path, reason: str
) -> None:
    def ask(worker: Worker) -> None:
        wait_for_output(tmp_path, "ready")
        run = store.runs.get("s.r.1")
        if reason == "cancelled":
            store.runs.commit(run, cancel(run), lease="keep")
        elif reason == "stopped early":
            stop = EarlyStop(step=1, score=1.0, cost=1.0, of_steps=9, why="worse than the others")
            store.runs.commit(run, stop_early(run, stop), lease="keep")
        else:
            worker.lifecycle.shutdown.set()

    script = """
        save() {
            echo 9 > $SWEEP_CHECKPOINT_DIR/last; sleep 0.3
            echo '{"step": 9, "reward": 4, "checkpoint": "last"}' >> $SWEEP_REPORT
            echo saved; exit 1
        }
        trap save TERM
        echo '{"step": 1, "reward": 1}' >> $SWEEP_REPORT
        echo ready
        while true; do sleep 0.05; done"""
    run = train(script, beside=ask)

    assert log_of(tmp_path).endswith("saved\n")
    assert (run.state, run.score) == {
        "cancelled": (RunState.CANCELLED, None),
        "stopped early": (RunState.OBSERVED, 4.0),
        "preempted": (RunState.QUEUED, None),
    }[reason]
    assert [checkpoint.step for checkpoint in run.checkpoints] == [9]


@slow
def test_a_program_that_a_shell_started_can_still_save_after_the_shell_ended(
    train: Train, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, signal, sys, time\n"
        "def save(*_):\n"
        "    time.sleep(0.5); print('saved', flush=True); os._exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )

    def ask(worker: Worker) -> None:
        wait_for_output(tmp_path, "ready")
        run = store.runs.get("s.r.1")
        store.runs.commit(run, cancel(run), lease="keep")

    run = train(f"{sys.executable} slow.py; echo never", beside=ask)

    assert run.state is RunState.CANCELLED
    assert log_of(tmp_path).endswith("ready\nsaved\n")


@slow
def test_a_script_that_ignores_the_signal_is_killed_after_the_grace(train: Train, store: Store, tmp_path: Path) -> None:
    def ask(worker: Worker) -> None:
        wait_for_output(tmp_path, "ready")
        run = store.runs.get("s.r.1")
        store.runs.commit(run, cancel(run), lease="keep")

    run = train(
        f"trap '' TERM; sh -c 'sleep 77; :' mark-{os.getpid()} & echo ready; while true; do sleep 0.1; done",
        beside=ask,
        stop_grace_seconds=0.5,
    )

    assert run.state is RunState.CANCELLED
    assert gone_soon(f"mark-{os.getpid()}")


@slow
def test_a_silent_script_is_killed_with_all_that_it_started(train: Train, tmp_path: Path) -> None:
    run = train(
        f"echo say; setsid sh -c 'sleep 77; :' mark-{os.getpid()} & sleep 77",
        "trainer.stall_seconds=0.5",
        "max_stuck_attempts=1",
    )

    assert run.failure is not None
    assert "stalled: killed after 0.5 s without a report" in run.failure.message
    assert gone_soon(f"mark-{os.getpid()}")


def gone_soon(mark: str) -> bool:
    deadline = time.monotonic() + 5
    while processes_with(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes_with(mark) == []


def test_the_workspace_is_beside_the_checkpoints(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).workspace(2) == tmp_path / "workspace.2"
