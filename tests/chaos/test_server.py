"""Redis is away, suspended, full, or without a disk: it is reported, nothing is lost, and work continues afterwards."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from shared.domain.events import RunCheckpointed
from tests.chaos.rig import LEASE, Stage, stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def checkpoints(chaos: Stage) -> int:
    (name,) = chaos.store.sweeps.names()
    return len(chaos.fleet.events(chaos.store.sweeps.get(name), RunCheckpointed))


def wait_for_a_checkpoint(chaos: Stage) -> None:
    chaos.keep_alive()
    before = checkpoints(chaos)
    chaos.fleet.wait_until(lambda: checkpoints(chaos) > before)


def test_an_outage_of_redis_takes_no_run_from_a_live_trainer(tmp_path: Path) -> None:
    with stage(tmp_path, suggester=1, trainer=1) as chaos:
        sweep = chaos.submit("budget.max_runs=3", "parallelism=1", step_seconds=0.5)
        for leases in (0.5, 1, 2):
            wait_for_a_checkpoint(chaos)
            chaos.server.kill()
            time.sleep(leases * LEASE)
            chaos.server.start()
        wait_for_a_checkpoint(chaos)
        server = psutil.Process(chaos.server.pid())
        server.suspend()
        time.sleep(6)  # longer than the clients wait for an answer
        server.resume()

        finished = chaos.wait_until_finished(sweep, seconds=90)

        assert finished.observed == 3
        assert [run.attempt for run in chaos.fleet.runs(sweep)] == [1, 1, 1]
        assert chaos.redone(sweep) == 0
        chaos.fleet.check(sweep)


def test_while_redis_is_out_of_memory_nothing_advances_and_then_the_sweep_continues(tmp_path: Path) -> None:
    with stage(tmp_path, suggester=1, trainer=1) as chaos, redis.Redis.from_url(chaos.server.url) as client:
        sweep = chaos.submit("budget.max_runs=2", "parallelism=1", step_seconds=0.3)
        wait_for_a_checkpoint(chaos)

        client.config_set("maxmemory", "1")
        before = checkpoints(chaos)
        time.sleep(2 * LEASE)
        assert checkpoints(chaos) == before
        client.config_set("maxmemory", "0")
        finished = chaos.wait_until_finished(sweep, seconds=60)

        said = "\n".join(log.read_text() for log in tmp_path.glob("*.log"))
        assert "is out of memory: raise maxmemory or free some" in said
        assert finished.observed == 2
        assert [run.attempt for run in chaos.fleet.runs(sweep)] == [1, 1]
        assert chaos.redone(sweep) == 0
        chaos.fleet.check(sweep)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a separate disk at `folder`; skip the test without the right to mount."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=20)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("only root can mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=20)


def fill(folder: Path) -> Path:
    """Fill the disk to the last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 65536):
                pass
        except OSError:
            pass
    return filler


def test_a_full_disk_of_redis_stops_everything_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "server", "4m") as disk, stage(tmp_path, suggester=1, trainer=1) as chaos:
        sweep = chaos.submit("budget.max_runs=2", "parallelism=1", step_seconds=0.3)
        wait_for_a_checkpoint(chaos)

        filler = fill(disk)
        server = chaos.server.process
        assert server is not None
        server.wait(timeout=30)  # a server that must write each command to the disk ends
        filler.unlink()
        chaos.server.start()
        finished = chaos.wait_until_finished(sweep, seconds=60)

        assert finished.observed == 2
        assert [run.attempt for run in chaos.fleet.runs(sweep)] == [1, 1]
        chaos.fleet.check(sweep)


def test_while_a_disk_is_full_the_run_goes_back_to_the_queue_and_then_it_continues(tmp_path: Path) -> None:
    with stage(tmp_path, suggester=1, trainer=1) as chaos, small_disk(tmp_path / "sweep", "4m") as disk:
        sweep = chaos.submit("budget.max_runs=1", "parallelism=1", step_seconds=0.3)
        wait_for_a_checkpoint(chaos)

        filler = fill(disk)
        chaos.fleet.wait_until(lambda: "Fix this; retrying until then" in logs_of_trainers(tmp_path))
        (run,) = chaos.fleet.runs(sweep)
        assert run.checkpoints, "committed checkpoints stay"
        filler.unlink()
        finished = chaos.wait_until_finished(sweep, seconds=60)

        (run,) = chaos.fleet.runs(sweep)
        assert finished.observed == 1
        assert run.attempt > 1
        chaos.fleet.check(sweep)


def logs_of_trainers(folder: Path) -> str:
    return "".join(log.read_text() for log in folder.glob("trainer.*.log"))
