"""The commands up and down, where they start and end nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from shared.local.stack import FOLDER, PLACE, Stack
from sweepctl.commands.stack import stack_json
from tests.sweepctl.conftest import Sweepctl


def test_a_stack_on_another_host_is_a_conflict_with_its_name(tmp_path: Path, sweepctl: Sweepctl) -> None:
    place = tmp_path / "train_dir" / FOLDER / PLACE
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"host": "node-17", "pid": 1, "runtime_dir": "/tmp"}))

    for command in ("up", "down"):
        ended = sweepctl(command)
        assert (ended.returncode, "node-17" in ended.stderr) == (6, True)


def test_settings_that_no_worker_can_use_start_nothing(sweepctl: Sweepctl, tmp_path: Path) -> None:
    ended = sweepctl("up", SWEEP_LEASE_SECONDS="soon")

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: SWEEP_LEASE_SECONDS is 'soon'")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_said_by_whom_before_anything_starts(sweepctl: Sweepctl, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        ended = sweepctl("up", "--flower", FLOWER_PORT=str(taken.getsockname()[1]))

    assert ended.returncode == 6
    assert "address already in use" in ended.stderr
    assert "set FLOWER_PORT" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_down_says_that_nothing_runs(sweepctl: Sweepctl, tmp_path: Path) -> None:
    ended = sweepctl("down")

    assert ended.returncode == 0
    assert "nothing is running in train_dir: start it with `sweepctl up`" in ended.stdout
    assert json.loads(sweepctl("down", "--json").stdout)["stopped"] == []
    assert list(tmp_path.iterdir()) == []


def test_the_password_of_the_store_is_never_printed() -> None:
    stack = Stack(url="redis://:s3cret@head:6379/0", pid=1, data_dir="/d", folder="/", allow=(), parts=())

    assert "s3cret" not in json.dumps(stack_json(stack, started=True))
