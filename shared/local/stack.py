"""The local stack of a data folder, in the background: is there one, start it, end it.

Its supervisor (`shared.local.supervisor`) holds a lock on `<data_dir>/.stack/lock` for as long as it lives, and
listens on a socket in a short 0700 folder. The kernel gives both back however it ends: nothing has to be cleaned up.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from shared.config.schema import SweepJob
from shared.config.settings import worker_settings
from shared.domain.errors import ConfigError, Conflict, SweepError
from shared.domain.run import Frozen
from shared.execution.permission import allows, entry_points
from shared.store.embedded import short_folder
from shared.store.fleet import Worker
from shared.store.store import open_store

FOLDER, LOCK, PLACE, SOCKET = ".stack", "lock", "stack.json", "stack.sock"
RUNTIME_PREFIX = "sweep-"
LOG = "logs/up.log"
END = b"end\n"
ALREADY_RUNNING = 75
ANSWER_SECONDS = 5.0
LOOK_SECONDS = 0.1
START_SECONDS = 90.0
ANNOUNCE_SECONDS = 90.0
END_SECONDS = 120.0
EVERYTHING = ("*",)
"""Who can reach an embedded store is this user, who may start any program here as it is."""


class Part(Frozen):
    """One process of the stack."""

    name: str
    pid: int | None  # None while it waits to be started again
    deaths: int  # since the stack was started
    starts_in: float  # seconds until it is started again; 0 while it runs
    log: str


class Stack(Frozen):
    """A stack that runs, as its supervisor tells it."""

    url: str
    pid: int
    data_dir: str
    folder: str  # that its workers import the user's code from
    allow: tuple[str, ...]
    parts: tuple[Part, ...]
    slots: int | None = None  # as it was asked for; None: as many as the machine has place for
    flower: str | None = None  # where Flower listens
    flower_login: str | None = None


class Options(Frozen):
    """What a stack is started with."""

    data_dir: str
    slots: int | None = None
    flower: bool = False


def differences(stack: Stack, wanted: Options) -> list[str]:
    """Return what a stack that runs already lacks of what was asked for."""
    lacks = ["it has no Flower"] if wanted.flower and not stack.flower else []
    if wanted.slots is not None and wanted.slots != stack.slots:
        lacks.append(f"it was started {f'with --slots {stack.slots}' if stack.slots else 'without --slots'}")
    return lacks


class Ended(Frozen):
    """The last word of a supervisor: what had to be killed."""

    killed: tuple[str, ...] = ()


@dataclass
class Attached:
    """A connection to a supervisor, and what it said of its stack."""

    stack: Stack
    connection: socket.socket

    def __enter__(self) -> Attached:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.connection.close()


def attach(data_dir: Path) -> Attached | None:
    """Return a connection to the stack of this folder; None if none answers. Raises Conflict for another host's."""
    try:
        place = json.loads((data_dir / FOLDER / PLACE).read_text())
        host, runtime_dir = str(place["host"]), Path(place["runtime_dir"])
    except PermissionError:
        raise Conflict(f"{data_dir}: its stack belongs to another user: choose another --data-dir") from None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host != socket.gethostname():
        raise Conflict(
            f"{data_dir}: its stack runs on host {host}: go there, or start workers here with `celery ...` and "
            f"REDIS_URL; delete {data_dir / FOLDER / PLACE} if that host is gone"
        )
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(runtime_dir / SOCKET))
        with connection.makefile() as lines:
            return Attached(Stack.model_validate_json(lines.readline()), connection)
    except (OSError, ValidationError):
        connection.close()
        return None


def is_held(data_dir: Path) -> bool:
    """Whether a supervisor lives here, be it on its way up or down."""
    try:
        with (data_dir / FOLDER / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def live_stack(data_dir: Path, *, patience: float = 0.0) -> Attached | None:
    """Return a connection to the stack; None if there is none. One that starts or ends is waited for.

    Raises Conflict when it does not answer within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        found = attach(data_dir)
        if found or not is_held(data_dir):
            return found
        if time.monotonic() >= deadline:
            raise Conflict(f"the stack of {data_dir} is on its way up or down: try again; see {data_dir / LOG}")
        time.sleep(LOOK_SECONDS)


def serving_stack(data_dir: Path, url: str, job: SweepJob) -> Stack | None:
    """Return the stack that carries out this job at `url`; None if none does.

    Code of the user's own is imported from the folder that the stack was started in.
    """
    found = attach(data_dir)
    if found is None:
        return None
    with found:
        stack, needed = found.stack, entry_points(job)
    can = (stack.folder == str(Path.cwd()) and all(allows(entry, stack.allow) for entry in needed)) or not needed
    return stack if stack.url == url and can else None


Progress = Callable[[str], None]


def bring_up(options: Options, redis: str | None, *, tell: Progress = lambda _: None) -> tuple[Stack, bool]:
    """Return the stack of a data folder, and whether it was started here: after that its workers live.

    `redis` is the URL of a store that is not the folder's own, else REDIS_URL is.

    Raises ConfigError for settings that no worker can use, Conflict for a stack elsewhere or a port in use,
    SweepError when a part ends as it starts.
    """
    data_dir = Path(options.data_dir)
    found = live_stack(data_dir, patience=START_SECONDS)
    if found:
        with found:
            return found.stack, False
    worker_settings()
    if options.flower:
        from shared.local.flower import require_flower

        require_flower(os.environ)
    tell("starting the supervisor")
    stack = _start(options, redis)
    try:
        return _announced(stack, tell), True
    except BaseException:  # nothing half started stays
        if half := attach(data_dir):
            end(half)
        raise


def end(found: Attached) -> Ended:
    """Tell a supervisor to end, and wait until it has."""
    data_dir = Path(found.stack.data_dir)
    with found:
        found.connection.settimeout(END_SECONDS)
        try:
            found.connection.sendall(END)
            with found.connection.makefile() as lines:
                told = lines.readline()
        except OSError:
            told = ""
    deadline = time.monotonic() + ANSWER_SECONDS
    while is_held(data_dir) and time.monotonic() < deadline:
        time.sleep(0.02)
    if is_held(data_dir):
        raise SweepError(f"the stack of {data_dir} does not end: kill process {found.stack.pid}; see {data_dir / LOG}")
    return Ended.model_validate_json(told) if told.strip() else Ended()


def _start(options: Options, redis: str | None) -> Stack:
    data_dir = Path(options.data_dir)
    log = data_dir / LOG
    try:
        for needed in (data_dir / FOLDER, log.parent):
            needed.mkdir(parents=True, exist_ok=True)
        log.open("ab").close()
    except OSError as error:
        raise ConfigError(f"{data_dir}: {error.strerror}: choose another --data-dir") from None
    said_before = log.stat().st_size
    deadline = time.monotonic() + START_SECONDS
    supervisor = _spawn(options, redis, log)
    while time.monotonic() < deadline:
        if found := attach(data_dir):
            with found:
                return found.stack
        code = supervisor.poll()
        if code == ALREADY_RUNNING:  # on its way out, or somebody else was quicker
            supervisor = _spawn(options, redis, log)
        elif code is not None:
            break
        time.sleep(LOOK_SECONDS)
    words = log.read_bytes()[said_before:].decode(errors="replace").strip().splitlines() or ["no reason given"]
    raise SweepError(f"the stack of {data_dir} did not start: {words[-1]}: see {log}")


def _spawn(options: Options, redis: str | None, log: Path) -> subprocess.Popen[bytes]:
    runtime_dir = tempfile.mkdtemp(prefix=RUNTIME_PREFIX, dir=short_folder())
    # -P: the current folder, which the user's code is imported from, may hold a `shared` of its own.
    command = [sys.executable, "-P", "-m", "shared.local.supervisor", runtime_dir, options.model_dump_json()]
    environment = {**os.environ, **({"REDIS_URL": redis} if redis else {})}  # no argument: everybody sees those
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )


def _announced(stack: Stack, tell: Progress) -> Stack:
    """Return the stack once all of its workers have said that they live."""
    data_dir = Path(stack.data_dir)
    deadline = time.monotonic() + ANNOUNCE_SECONDS
    store = open_store(stack.url)
    try:
        while True:
            with _attached(data_dir) as found:
                stack = found.stack
            if dead := next((part for part in stack.parts if part.deaths), None):
                raise SweepError(f"the {dead.name} ended as it started: {_last_line(dead.log)}: see {dead.log}")
            missing = [
                part.name for part in stack.parts if part.name != "flower" and not _lives(part, store.fleet.live())
            ]
            if not missing:
                return stack
            if time.monotonic() > deadline:
                raise SweepError(f"the {missing[0]} does not come up: see {data_dir / 'logs'}")
            tell(f"waiting for {', '.join(missing)}")
            time.sleep(LOOK_SECONDS)
    finally:
        store.close()


def _attached(data_dir: Path) -> Attached:
    found = attach(data_dir)
    if found is None:
        raise SweepError(f"the supervisor of {data_dir} died: see {data_dir / LOG}")
    return found


def _lives(part: Part, workers: list[Worker]) -> bool:
    return any(worker.pid == part.pid and worker.host == socket.gethostname() for worker in workers)


def _last_line(log: str) -> str:
    lines = Path(log).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
