"""`sweepctl run` in the shell, in an empty folder: it is killed, interrupted, and run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

pytestmark = pytest.mark.slow
RUNS = 3
NOOP = ("trainer=noop", "sim=none", f"budget.max_runs={RUNS}")
FAILING = """
def train(run):
    raise RuntimeError("no such luck")
"""
COUNTING = """
def train(run):
    for step in range(run.checkpoint_step + 1, 4):
        run.report(step=step, reward=step * run.params["trainer.size"])
        run.save_checkpoint(step, lambda path: path.write_text(str(step)))
    return {"score": run.params["trainer.size"]}
"""
SPACE = """
metric: reward
parameters:
  trainer:
    size: {distribution: uniform, min: 0, max: 1}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield an empty current folder, without a store in the environment; no process of it outlives the test."""
    for name in ("REDIS_URL", "DATA_DIR", "SWEEP_ALLOW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for process in processes_of(tmp_path):
        process.kill()


def sweepctl(*arguments: str, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweepctl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sweepctl", *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def as_json(*arguments: str) -> Any:
    answer = sweepctl(*arguments, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the workers and servers that belong to a data folder below `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            text = " ".join(process.cmdline()) + process.environ().get("DATA_DIR", "")
        except psutil.Error:
            continue
        if str(folder) in text and process.pid != os.getpid():
            found.append(process)
    return found


def left_after_seconds(folder: Path, *, seconds: float = 5) -> list[list[str]]:
    """Return the commands of the processes that are still alive after `seconds`; empty as soon as there are none."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [process.cmdline() for process in left]


def wait_until_observed(count: int, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:  # on a busy machine a `status` command could take as long as the sweep
        records = [json.loads(record.read_text()) for record in Path("train_dir").glob("sweep/*/runs/*/run.json")]
        if sum(record["state"] == "observed" for record in records) >= count:
            return
        time.sleep(0.05)
    pytest.fail(f"fewer than {count} runs observed after {seconds} s")


def test_a_sweep_runs_to_its_end_and_can_be_shown_afterwards_without_a_running_server(folder: Path) -> None:
    ended = sweepctl("run", "quick", "sweep_run=mine", *NOOP)

    assert ended.returncode == 0, ended.stderr
    assert f"Best runs of mine ({RUNS} with a score)" in ended.stdout
    assert left_after_seconds(folder) == []
    runs = as_json("runs")
    assert [run["state"] for run in runs] == ["observed"] * RUNS
    best = as_json("best", "mine")
    assert best["score"] == max(run["score"] for run in runs)
    assert best["params"].keys() == {"trainer.optimizer.learning_rate"}
    assert as_json("show", best["run"])["moves"][-1]["kind"] == "observed"
    assert as_json("status")["state"] == "finished"
    assert as_json("audit")["ok"]
    assert as_json("why", best["run"])["score"] == best["score"]
    config = yaml.safe_load(sweepctl("best", "mine", "--yaml").stdout)
    assert config["trainer"]["optimizer"]["learning_rate"] == best["params"]["trainer.optimizer.learning_rate"]
    assert len(sweepctl("export", "mine").stdout.splitlines()) == 1 + RUNS
    assert sweepctl("logs", best["run"]).returncode == 0
    assert as_json("replay") == {"ok": True, "suggestions": RUNS, "differing": [], "untold": []}


def test_the_folders_have_the_layout_that_upstream_tools_read(folder: Path) -> None:
    assert sweepctl("run", "quick", "sweep_run=mine", *NOOP).returncode == 0

    sweep = folder / "train_dir" / "sweep" / "mine"
    assert yaml.safe_load((sweep / "config.yaml").read_text())["sweep_run"] == "mine"
    mirrors = [yaml.safe_load(path.read_text()) for path in sweep.glob("dist_*.yaml")]
    assert [mirror["run"].startswith("mine.r.") for mirror in mirrors] == [True]
    for number in range(1, RUNS + 1):
        run = sweep / "runs" / f"mine.r.{number}"
        results = yaml.safe_load((run / "sweep_eval_results.yaml").read_text())
        assert {"eval_metric", "total_time"} <= results.keys()
        assert yaml.safe_load((run / "train_config_overrides.yaml").read_text())["run"] == f"mine.r.{number}"
        assert list((run / "logs").glob("train.1.log"))
        assert list((run / "checkpoints").glob("*/manifest.json"))


def test_the_command_of_a_finished_sweep_shows_its_result_and_with_another_config_it_is_a_conflict(
    folder: Path,
) -> None:
    assert sweepctl("run", "quick", "sweep_run=mine", *NOOP).returncode == 0

    again = sweepctl("run", "quick", "sweep_run=mine", *NOOP)
    other = sweepctl("run", "quick", "sweep_run=mine", *NOOP, "seed=7")

    assert again.returncode == 0
    assert "Best runs of mine" in again.stdout
    assert other.returncode == 6
    assert "seed: 0 -> 7" in other.stderr


def test_a_killed_run_command_leaves_no_process(folder: Path) -> None:
    running = start("run", "quick", "sweep_run=mine", *NOOP, "trainer.step_seconds=0.5")
    wait_until_observed(1)

    running.send_signal(signal.SIGKILL)
    running.wait()
    assert left_after_seconds(folder) == []


@pytest.mark.parametrize("end_by", [signal.SIGINT, signal.SIGKILL])
def test_the_same_command_continues_after_it_was_ended(folder: Path, end_by: signal.Signals) -> None:
    command = ("run", "quick", "sweep_run=mine", *NOOP, "trainer.step_seconds=0.5")
    running = start(*command)
    wait_until_observed(1)
    running.send_signal(end_by)
    code = running.wait(timeout=40)

    ended = sweepctl(*command)

    assert code == (130 if end_by is signal.SIGINT else -signal.SIGKILL)
    assert ended.returncode == 0, ended.stderr
    observed = [run for run in as_json("runs") if run["state"] == "observed"]
    assert [run["run"] for run in observed] == [f"mine.r.{number}" for number in range(1, RUNS + 1)]


def test_three_failures_in_a_row_pause_the_sweep_and_the_reason_is_shown(folder: Path) -> None:
    (folder / "luckless.py").write_text(FAILING)
    (folder / "configs" / "sweep").mkdir(parents=True)
    (folder / "configs" / "sweep" / "mine.yaml").write_text(SPACE)
    function = ("trainer=function", "trainer.function=luckless:train", "sim=none")

    ended = sweepctl("run", "mine", "sweep_run=bad", "look_ahead=0", *function)

    assert ended.returncode == 1
    assert "3 runs failed in a row" in ended.stdout
    failed = as_json("runs", "bad", "--state", "failed")
    assert "RuntimeError: no such luck" in failed[0]["failure"]["message"]


def test_a_function_of_the_user_is_trained_and_returns_its_score(folder: Path) -> None:
    (folder / "mine_to_train.py").write_text(COUNTING)
    (folder / "configs" / "sweep").mkdir(parents=True)
    (folder / "configs" / "sweep" / "mine.yaml").write_text(SPACE)
    function = ("trainer=function", "trainer.function=mine_to_train:train", "sim=none")

    ended = sweepctl("run", "mine", "sweep_run=own", *function, "budget.max_runs=5")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    runs = as_json("runs", "own")
    assert [run["score"] for run in runs] == [run["params"]["trainer.size"] for run in runs]


def test_the_same_seed_suggests_the_same_parameters_to_the_bit(folder: Path) -> None:
    alike = ("parallelism=1", "look_ahead=0", "cost=steps", "trainer=noop", "sim=none", "budget.max_runs=8", "seed=3")

    for name in ("one", "other"):
        assert sweepctl("run", "quick", f"sweep_run={name}", *alike).returncode == 0

    one, other = ([run["params"] for run in as_json("runs", name)] for name in ("one", "other"))
    assert one == other
    assert len({str(params) for params in one}) == 8


def test_ppo_solves_cartpole_in_a_quick_sweep(folder: Path) -> None:
    ended = sweepctl("run", "quick", "budget.max_runs=2", timeout=300)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert as_json("best")["score"] >= 475


def test_a_rollout_is_one_run_with_its_log_and_its_exit_code(folder: Path) -> None:
    ended = sweepctl("rollout", "quick", "trainer=noop", "sim=none", "sweep_run=once")

    assert ended.returncode == 0, ended.stderr
    assert "run once.r.1 observed: score" in ended.stdout
    assert len(as_json("runs", "once")) == 1


def test_an_offline_wandb_run_is_written_for_each_run(folder: Path) -> None:
    ended = sweepctl("run", "quick", "sweep_run=mine", *NOOP, "wandb=offline")

    assert ended.returncode == 0, ended.stderr
    tracked = folder / "train_dir" / "sweep" / "mine" / "wandb"
    written = sorted(path.name for path in tracked.glob("offline-run-*/*.wandb"))
    assert written == [f"run-mine.r.{number}.wandb" for number in range(1, RUNS + 1)]


def test_a_second_run_command_only_watches_and_starts_workers_when_the_first_is_killed(folder: Path) -> None:
    command = ("run", "quick", "sweep_run=mine", *NOOP, "trainer.step_seconds=2")
    first = start(*command)
    wait_until_observed(1)
    workers = {worker["id"] for worker in as_json("workers")}
    second = start(*command)
    time.sleep(4)
    assert {worker["id"] for worker in as_json("workers")} == workers

    first.send_signal(signal.SIGKILL)
    first.wait()

    assert second.wait(timeout=90) == 0
    assert [run["state"] for run in as_json("runs", "mine")] == ["observed"] * RUNS
