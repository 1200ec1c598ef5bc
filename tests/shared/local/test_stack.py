"""The local stack, seen from a command that asks for it."""

from __future__ import annotations

import fcntl
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import Conflict
from shared.local.daemon_server import LOCK
from shared.local.run_sweep import LocalSweep
from shared.local.stack import (
    EVERYTHING,
    FOLDER,
    PLACE,
    SOCKET,
    Options,
    Part,
    Stack,
    attach,
    differences,
    live_stack,
    serving_stack,
)
from shared.local.workers import WorkerFailed
from shared.store.store import open_store

if TYPE_CHECKING:
    from tests.conftest import AJob

URL = "unix:///somewhere/redis.sock?db=0"


def a_stack(data_dir: Path, **changes: object) -> Stack:
    usual = {"url": URL, "pid": 1, "data_dir": str(data_dir), "folder": str(Path.cwd()), "allow": (), "parts": ()}
    return Stack.model_validate({**usual, **changes})


@contextmanager
def answering(data_dir: Path, runtime_dir: Path, stack: Stack) -> Iterator[None]:
    """Stand in for a supervisor that announces `stack`."""
    (data_dir / FOLDER).mkdir(parents=True, exist_ok=True)
    place = {"host": socket.gethostname(), "pid": 1, "runtime_dir": str(runtime_dir)}
    (data_dir / FOLDER / PLACE).write_text(json.dumps(place))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(runtime_dir / SOCKET))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                client.sendall((stack.model_dump_json() + "\n").encode())
                client.close()

        threading.Thread(target=serve, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def runtime_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


def test_a_stack_that_answers_is_found_and_one_that_was_killed_is_not(tmp_path: Path, runtime_dir: Path) -> None:
    assert attach(tmp_path) is None
    with answering(tmp_path, runtime_dir, a_stack(tmp_path)):
        found = attach(tmp_path)
        assert found is not None
        with found:
            assert found.stack.url == URL

    assert live_stack(tmp_path) is None, "its place is still written, but nobody listens there"


def test_a_stack_that_starts_or_ends_is_waited_for_and_then_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    with (tmp_path / FOLDER / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="is starting or ending; try again"):
            live_stack(tmp_path, patience=0.2)


def test_run_uses_the_stack_of_its_own_store_and_no_other(a_job: AJob, tmp_path: Path, runtime_dir: Path) -> None:
    with answering(tmp_path, runtime_dir, a_stack(tmp_path)):
        assert serving_stack(tmp_path, URL, a_job()) is not None
        assert serving_stack(tmp_path, "redis://elsewhere:6379/0", a_job()) is None


@pytest.mark.parametrize(
    ("changes", "serves"),
    [
        ({"allow": EVERYTHING}, True),
        ({"allow": ("mine:train",)}, True),
        ({"allow": ()}, False),
        ({"allow": EVERYTHING, "folder": "/elsewhere"}, False),
    ],
)
def test_code_of_the_users_own_needs_a_stack_of_the_same_folder_that_allows_it(
    a_job: AJob, tmp_path: Path, runtime_dir: Path, changes: dict[str, object], serves: bool
) -> None:
    job = a_job("trainer=function", "trainer.function=mine:train")

    with answering(tmp_path, runtime_dir, a_stack(tmp_path, **changes)):
        assert (serving_stack(tmp_path, URL, job) is not None) == serves


def test_run_refuses_to_wait_for_a_part_that_cannot_run(a_job: AJob, tmp_path: Path, runtime_dir: Path) -> None:
    part = {"name": "trainer", "pid": None, "deaths": 1, "starts_in": 0.0, "log": "/logs/trainer.log"}
    stack = a_stack(tmp_path, parts=[{**part, "failed": True, "exit_code": 6, "reason": "another store answers"}])

    store = open_store("redis://127.0.0.1:1/0")
    with answering(tmp_path, runtime_dir, stack.model_copy(update={"url": store.url})):
        sweep = LocalSweep(store, a_job(), tmp_path)
        with pytest.raises(WorkerFailed, match="the trainer cannot run: another store answers; see /logs") as caught:
            sweep.is_served(existed=False)
    store.close()
    assert caught.value.exit_code == 6


def test_a_stack_of_an_earlier_version_says_nothing_of_failures() -> None:
    part = Part.model_validate({"name": "trainer", "pid": None, "deaths": 3, "starts_in": 4.0, "log": "/l"})

    assert part.failure is None


def test_what_a_stack_that_runs_already_lacks_is_said(tmp_path: Path) -> None:
    wanted = Options(data_dir=str(tmp_path), flower=True, slots=4)

    lacks = differences(a_stack(tmp_path, slots=2), wanted)

    assert lacks == ["it has no Flower", "it was started with --slots 2"]
    assert differences(a_stack(tmp_path), Options(data_dir=str(tmp_path))) == []
