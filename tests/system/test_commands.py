"""A training that is a command, on a fleet of plain workers: it continues, once, when a process above it is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from shared.config.compose import compose
from shared.control.steer import cancel_run
from shared.control.submit import submit
from shared.domain.events import RunCheckpointed, RunClaimed
from shared.domain.run import RunState
from shared.domain.sweep import Sweep
from tests.logs import kinds_of

if TYPE_CHECKING:
    from tests.fleet import Fleet

pytestmark = pytest.mark.slow
SCRIPT = """#!/bin/sh
set -e
sh -c 'sleep 300; :' $MARK &
setsid sh -c 'sleep 300; :' $MARK &
step=${SWEEP_CHECKPOINT_STEP:-0}
echo "from $step with ${SWEEP_CHECKPOINT:-nothing}"
while [ $step -lt 25 ]; do
    step=$((step + 1))
    echo $step > $SWEEP_CHECKPOINT_DIR/$step.txt
    echo "{\\"step\\": $step, \\"reward\\": $step, \\"checkpoint\\": \\"$step.txt\\"}" >> $SWEEP_REPORT
    sleep 0.1
    [ $step -lt 10 ] || [ $SWEEP_ATTEMPT -gt 1 ] || sleep 300 # until a test ends it
done
"""
SPACE = """
metric: reward
method: random
parameters:
  trainer:
    size: {distribution: uniform, min: 0, max: 1}
"""
COMMAND = ("trainer=command", "trainer.command=[./train.sh,'{args}']", "sim=none", "budget.max_runs=1", "cost=steps")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the user's script and config; the workers are started in it."""
    (tmp_path / "train.sh").write_text(SCRIPT)
    (tmp_path / "train.sh").chmod(0o755)
    (tmp_path / "configs" / "sweep").mkdir(parents=True)
    (tmp_path / "configs" / "sweep" / "mine.yaml").write_text(SPACE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARK", f"mark-{os.getpid()}")
    return tmp_path


def submitted(fleet: Fleet, folder: Path, *overrides: str) -> Sweep:
    return submit(fleet.store, compose("mine", [*COMMAND, *overrides], data_dir=folder).job).sweep


def marked() -> list[psutil.Process]:
    """Return the processes that the script has started in the background."""
    mark = f"mark-{os.getpid()}"
    return [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or ())]


def ancestors_of_the_command(worker: int) -> dict[str, psutil.Process]:
    """Return the processes from a worker to its command, by name."""
    below = psutil.Process(worker).children(recursive=True)
    guardian = next(process for process in below if "shared.execution.guardian" in process.cmdline())
    child = psutil.Process(guardian.ppid())
    (command,) = (process for process in guardian.children() if "./train.sh" in process.cmdline())
    return {
        "worker": psutil.Process(worker),
        "forkserver": psutil.Process(child.ppid()),
        "child": child,
        "guardian": guardian,
        "command": command,
    }


@pytest.mark.parametrize("victim", ["worker", "forkserver", "child", "guardian", "command"])
def test_when_one_of_these_processes_is_killed_no_other_one_stays_and_the_run_continues_from_its_checkpoint(
    fleet: Fleet, folder: Path, victim: str
) -> None:
    sweep = submitted(fleet, folder)
    _, trainer = fleet.start("suggester", "trainer", SWEEP_ALLOW="command:./train.sh")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunCheckpointed)) >= 5)
    processes, left = ancestors_of_the_command(trainer.pid), marked()
    assert len(left) == 2

    processes[victim].send_signal(signal.SIGKILL)
    # Only the guardian knows the processes that left the command's group: after its death the test ends them.
    expected = [process for process in left if victim != "guardian" or os.getpgid(process.pid) != process.pid]
    _, alive = psutil.wait_procs([processes["command"], processes["guardian"], *expected], timeout=5)
    for stray in set(left) - set(expected):
        for process in [*stray.children(), stray]:
            process.kill()
    if victim == "worker":
        fleet.start("trainer", SWEEP_ALLOW="command:./train.sh")
    finished = fleet.wait_until_finished(sweep)

    assert alive == []
    first, *_, last = fleet.events(sweep, RunClaimed)  # a new forkserver may take longer to start than a lease
    assert (first.step, last.step >= 5) == (0, True)
    (run,) = fleet.runs(sweep)
    assert (run.state, run.score, run.cost, finished.observed) == (RunState.OBSERVED, 25.0, 25.0, 1)
    log = folder / "sweep" / sweep.name / "runs" / run.id / "logs" / f"train.{run.attempt}.log"
    assert f"from {last.step} with {folder}/sweep" in log.read_text()
    assert marked() == []
    fleet.check(sweep)


def test_a_cancelled_command_ends_within_the_grace_with_all_that_it_started(fleet: Fleet, folder: Path) -> None:
    sweep = submitted(fleet, folder)
    fleet.start("suggester", "trainer", SWEEP_ALLOW="command:*")
    fleet.wait_until(lambda: fleet.events(sweep, RunCheckpointed))
    (run,) = fleet.runs(sweep)

    cancel_run(fleet.store, run.id)
    fleet.wait_until(lambda: fleet.runs(sweep)[0].state is RunState.CANCELLED, seconds=10)

    deadline = time.monotonic() + 5
    while marked() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marked() == []


def test_a_worker_that_shuts_down_ends_its_command_and_gives_the_run_back(fleet: Fleet, folder: Path) -> None:
    sweep = submitted(fleet, folder)
    _, trainer = fleet.start("suggester", "trainer", SWEEP_ALLOW="command:*")
    fleet.wait_until(lambda: len(fleet.events(sweep, RunCheckpointed)) >= 3)

    os.killpg(trainer.pid, signal.SIGTERM)
    trainer.wait(timeout=20)

    assert kinds_of(fleet.store, sweep.name)[-1] == "released"
    assert marked() == []


def test_a_command_that_is_not_allowed_stays_in_the_queue_and_the_log_says_what_to_add(
    fleet: Fleet, folder: Path
) -> None:
    sweep = submitted(fleet, folder)

    fleet.start("suggester")
    fleet.start("trainer", SWEEP_ALLOW="train.*")
    log = folder / "trainer.1.log"
    fleet.wait_until(lambda: "start the worker with SWEEP_ALLOW=command:./train.sh" in log.read_text())

    assert [run.state for run in fleet.runs(sweep)] == [RunState.QUEUED]
