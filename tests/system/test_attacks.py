"""Attacks on a fleet of real workers: messages in their queues, and secrets in their files, logs and processes.

All attacks are on the same three workers, which serve a real sweep at the end.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from shared.domain.run import RunState
from tests.fleet import PASSWORD, Fleet, tcp_server

if TYPE_CHECKING:
    from shared.domain.sweep import Sweep

pytestmark = pytest.mark.slow
SECRETS = {"WANDB_API_KEY": "hush-wandb", "FOO_TOKEN": "hush-foo", "FLOWER_BASIC_AUTH": "me:hush-flower"}
QUEUES = ("gpu", "eval", "results", "suggest")
OWN_CODE = """
import os
import psutil

def train(run):
    print("environment", sorted(os.environ.items()))
    print("arguments", psutil.Process().cmdline())
    raise ValueError("cannot log in to https://me:hush-url@example.org")
"""
SPACE = """
metric: reward
method: random
parameters: {trainer: {size: {distribution: uniform, min: 0, max: 1}}}
"""


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._file),)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Yield a fleet with one worker of each service, a Redis with a password, and secrets in its environment."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "my_code.py").write_text(OWN_CODE)
    (folder / "sweep").mkdir()
    (folder / "sweep" / "mine.yaml").write_text(SPACE)
    with pytest.MonkeyPatch.context() as patch, tcp_server(folder) as store:
        patch.chdir(folder)
        fleet = Fleet(store, folder)
        fleet.start("suggester", "trainer", "evaluator", SWEEP_ALLOW="my_code.*", **SECRETS)
        try:
            fleet.wait_until(lambda: len(store.fleet.live()) == 3)
            yield fleet
        finally:
            fleet.end()


def notification(content: bytes, /, *, task: str = "trainer.train_run", **changes: Any) -> str:
    """Return a message as kombu writes it, with the given body."""
    properties = {
        "delivery_tag": os.urandom(8).hex(),
        "delivery_info": {"exchange": "", "routing_key": "gpu"},
        "body_encoding": "base64",
    }
    message = {
        "body": base64.b64encode(content).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": task, "id": "x", "lang": "py"},
        "properties": properties,
    }
    return json.dumps({**message, **changes})


def call(*arguments: object, **then: object) -> bytes:
    return json.dumps([arguments, {}, then]).encode()


ATTACKS: dict[str, str | bytes] = {
    "garbage": b"\x00\xff no json",
    "nothing": b"",
    "a list": "[1, 2]",
    "a mapping": "{}",
    "nested without end": "[" * 100_000,
    "no headers": notification(call("s.r.1"), headers=None),
    "no base64": notification(b"", body="!"),
    "another content type": notification(b"x", **{"content-type": "application/x-foo"}),
    "a tag of YAML": notification(b"!!python/object/apply:os.mkdir [pwned]", **{"content-type": "application/x-yaml"}),
    "compressed": notification(
        b"x", headers={"task": "trainer.train_run", "id": "x", "compression": "application/x-gzip"}
    ),
    "an unknown task": notification(call("ls"), task="os.system"),
    "a task of another version": notification(call("s.r.1"), task="trainer.train_run_v2"),
    "too many arguments": notification(call("s.r.1", "s.r.2")),
    "an argument that is no text": notification(call({"a": 1})),
    "an id that leads elsewhere": notification(call("../../../etc/passwd")),
    "a body that is a text": notification(b'"s.r.1"'),
    "a body that is no JSON": notification(b"s.r.1"),
    "a chain of other tasks": notification(call("s.r.1", chain=[{"task": "os.system", "args": ["ls"]}])),
    "for the year 2999": notification(
        call("s.r.1"), headers={"task": "trainer.train_run", "id": "x", "eta": "2999-01-01"}
    ),
    "ten megabytes": notification(call("x" * 10_000_000)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_message_that_is_no_notification_is_dropped_and_logged_and_ends_no_worker(fleet: Fleet, attack: str) -> None:
    before = dropped(fleet)

    for queue in QUEUES:
        fleet.store.client.lpush(queue, ATTACKS[attack])

    fleet.wait_until(lambda: dropped(fleet) == before + len(QUEUES))
    assert [worker.poll() for worker in fleet.workers] == [None] * 3
    assert fleet.store.client.hlen("unacked") == 0


def test_a_pickle_in_a_queue_is_never_opened(fleet: Fleet) -> None:
    before, trap = dropped(fleet), fleet.data_dir / "pwned"
    content_type = {"content-type": "application/x-python-serialize", "content-encoding": "binary"}

    for queue in QUEUES:
        fleet.store.client.lpush(queue, notification(pickle.dumps([[Touch(trap)], {}, {}]), **content_type))
        fleet.store.client.lpush(queue, pickle.dumps(Touch(trap)))

    fleet.wait_until(lambda: dropped(fleet) == before + 2 * len(QUEUES))
    assert not trap.exists()
    pickle.loads(pickle.dumps(Touch(trap)))
    assert trap.is_dir()  # the attack would have worked
    trap.rmdir()


@pytest.mark.parametrize("channel", ["/0.celery.pidbox", "/0.celeryev/worker.heartbeat"])
def test_invalid_celery_events_and_commands_end_no_worker(fleet: Fleet, channel: str) -> None:
    for attack in ATTACKS.values():
        fleet.store.client.publish(channel, attack)

    before = dropped(fleet)
    for queue in QUEUES:
        fleet.store.client.lpush(queue, "[]")

    fleet.wait_until(lambda: dropped(fleet) >= before + len(QUEUES), seconds=20)
    assert [worker.poll() for worker in fleet.workers] == [None] * 3


def test_the_same_workers_serve_the_next_real_sweep(fleet: Fleet) -> None:
    sweep = fleet.wait_until_finished(fleet.submit("budget.max_runs=2", "sweep_run=after-the-attacks"))

    assert [run.state for run in fleet.runs(sweep)] == [RunState.OBSERVED] * 2
    fleet.check(sweep)


def test_no_secret_is_in_a_log_a_key_an_event_a_folder_a_failure_or_a_process_list(fleet: Fleet) -> None:
    arguments: list[str] = []
    sweep = failing_sweep(fleet)

    def has_failed() -> bool:
        arguments.extend(command_lines(fleet))
        return fleet.runs(sweep)[:1] != [] and fleet.runs(sweep)[0].state is RunState.FAILED

    fleet.wait_until(has_failed)

    failure = fleet.runs(sweep)[0].failure
    assert failure is not None
    assert failure.message == "ValueError: cannot log in to https://********@example.org"
    printed = RunLog(fleet, sweep).text
    assert "environment" in printed
    hushed = [value.rpartition(":")[2] for value in SECRETS.values()] + [PASSWORD]
    for secret in hushed:
        assert secret not in printed
        assert secret not in "\n".join(arguments)
        assert [key for key, content in everything_in(fleet) if secret.encode() in content] == []
        assert [path for path in files_of(fleet) if secret.encode() in path.read_bytes()] == []


def failing_sweep(fleet: Fleet) -> Sweep:
    from shared.config.compose import compose
    from shared.control.submit import submit

    function = ["trainer=function", "trainer.function=my_code:train", "sim=none", "budget.max_runs=1", "parallelism=1"]
    job = compose("mine", function, data_dir=fleet.data_dir, config_dir=fleet.data_dir).job
    return submit(fleet.store, job).sweep


class RunLog:
    """The log of the first run of a sweep."""

    def __init__(self, fleet: Fleet, sweep: Sweep) -> None:
        self._file = fleet.data_dir / "sweep" / sweep.name / "runs" / f"{sweep.name}.r.1" / "logs" / "train.1.log"

    @property
    def text(self) -> str:
        """Return the whole log."""
        return self._file.read_text()


def dropped(fleet: Fleet) -> int:
    return sum(log.read_text().count("dropped a message from") for log in fleet.data_dir.glob("*.log"))


def command_lines(fleet: Fleet) -> list[str]:
    """Return the command lines of the workers and of their descendants."""
    found = []
    for worker in fleet.workers:
        process = psutil.Process(worker.pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                found.append(" ".join(one.cmdline()))
    return found


def everything_in(fleet: Fleet) -> Iterator[tuple[str, bytes]]:
    """Yield every key of the store with its content."""
    client = fleet.store.client
    for key in client.scan_iter():
        match client.type(key):
            case "string":
                content: Any = client.get(key)
            case "hash":
                content = client.hgetall(key)
            case "list":
                content = client.lrange(key, 0, -1)
            case "set":
                content = client.smembers(key)
            case "zset":
                content = client.zrange(key, 0, -1, withscores=True)
            case _:
                content = client.xrange(key)
        yield str(key), f"{key} {content}".encode()


def files_of(fleet: Fleet) -> list[Path]:
    """Return every file of the fleet: logs, folders of runs, the files of the server."""
    return [path for path in fleet.data_dir.rglob("*") if path.is_file()]
