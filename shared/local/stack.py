"""The local stack of a data folder, in the background: find it, start it, end it.

Its supervisor (`shared.local.supervisor`) is a daemon of `<data_dir>/.stack`.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from shared.config.schema import SweepJob
from shared.config.settings import worker_settings
from shared.control.steps import OnMessage, ignore_message
from shared.domain.errors import Conflict, SweepError
from shared.domain.run import Frozen
from shared.execution.permission import allows, entry_points
from shared.local.daemon import Connection, Daemon, DidNotStart
from shared.local.daemon_server import Place
from shared.local.exit_codes import error_of
from shared.local.workers import FLOWER, Death
from shared.store.fleet import LiveWorker
from shared.store.store import open_store

FOLDER, PLACE, SOCKET = ".stack", "stack.json", "stack.sock"
LOG = "logs/up.log"
LOOK_SECONDS = 0.1
START_SECONDS = 90.0
ANNOUNCE_SECONDS = 90.0
END_SECONDS = 120.0
EVERYTHING = ("*",)
"""Only this user can reach a private store, and this user may start any program here anyway."""


class Part(Frozen):
    """One process of the stack."""

    name: str
    pid: int | None  # None while it waits to be started again
    deaths: int  # since the stack was started
    starts_in: float  # seconds until it is started again; 0 while it runs
    log: str
    failed: bool = False  # it has ended, and is not started again
    exit_code: int | None = None  # of its last end
    reason: str | None = None  # of its last end: the last line of its log

    @property
    def failure(self) -> Death | None:
        """How it ended for good; None if it did not."""
        if not self.failed:
            return None
        reason = self.reason or "it gave no reason"
        return Death(self.name, self.exit_code or 0, self.deaths, reason, Path(self.log), None)


class Stack(Frozen):
    """A stack that runs, as its supervisor describes it."""

    url: str
    pid: int
    data_dir: str
    folder: str  # its workers import the user's code from it
    allow: tuple[str, ...]
    parts: tuple[Part, ...]
    slots: int | None = None  # as it was asked for; None: as many as the machine has room for
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
    """The last word of a supervisor: which parts it had to kill."""

    killed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attached:
    """A connection to a supervisor, and its stack when the connection was made."""

    stack: Stack
    connection: Connection

    def __enter__(self) -> Attached:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.connection.close()


def place_in(data_dir: Path) -> Place:
    """Return where the supervisor of a data folder is found."""
    return Place(data_dir / FOLDER, PLACE, SOCKET)


def supervisor_of(data_dir: Path) -> Daemon:
    """Return the supervisor of a data folder, whether it runs or not."""
    place = place_in(data_dir)
    return Daemon(
        place,
        log=data_dir / LOG,
        called="stack",
        elsewhere=(
            "run this there, or start workers here with `celery ...` and REDIS_URL; "
            f"delete {place.folder / place.file} if that host is gone"
        ),
    )


def attach(data_dir: Path) -> Attached | None:
    """Return a connection to the stack of this folder; None if none answers.

    Raises Conflict for one that runs on another host or belongs to another user.
    """
    connection = supervisor_of(data_dir).attach()
    return _attached(connection) if connection else None


def _attached(connection: Connection) -> Attached | None:
    try:
        return Attached(Stack.model_validate_json(connection.greeting), connection)
    except ValidationError:  # no supervisor of ours answers there
        connection.close()
        return None


def live_stack(data_dir: Path, *, patience: float = 0.0) -> Attached | None:
    """Return a connection to the stack; None if there is none. Wait for one that starts or ends.

    Raises Conflict when it does not answer within `patience` seconds, and as `attach`.
    """
    deadline = time.monotonic() + patience
    while True:
        found = attach(data_dir)
        if found or not supervisor_of(data_dir).is_held():
            return found
        if time.monotonic() >= deadline:
            raise Conflict(f"the stack of {data_dir} is starting or ending; try again; see {data_dir / LOG}")
        time.sleep(LOOK_SECONDS)


def serving_stack(data_dir: Path, url: str, job: SweepJob) -> Stack | None:
    """Return the stack that runs this job with the store at `url`; None if none does.

    A stack imports the user's own code from the folder that it was started in.
    """
    found = attach(data_dir)
    if found is None:
        return None
    with found:
        stack, needed = found.stack, entry_points(job)
    can = (stack.folder == str(Path.cwd()) and all(allows(entry, stack.allow) for entry in needed)) or not needed
    return stack if stack.url == url and can else None


def bring_up(options: Options, redis: str | None, *, on_step: OnMessage = ignore_message) -> tuple[Stack, bool]:
    """Return the stack of a data folder with all its workers running, and whether it was started now.

    Args:
        options: What to start.
        redis: The URL of a store that is not the folder's private one; None: REDIS_URL, if that is set.
        on_step: Called with a few words before each step.

    Raises:
        ConfigError: no worker can use its settings.
        Conflict: the stack runs on another host, or a port is in use.
        SweepError: a part ended as it started; of the class of its exit code.
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
    on_step("starting the supervisor")
    stack = _start(options, redis)
    try:
        return _announced(stack, on_step), True
    except BaseException:  # leave nothing that has started only in part
        if half := attach(data_dir):
            end(half)
        raise


def end(found: Attached) -> Ended:
    """End a stack, and wait until it has ended. Raises SweepError when it does not end."""
    supervisor = supervisor_of(Path(found.stack.data_dir))
    last_word = supervisor.end(found.connection, seconds=END_SECONDS)
    return Ended.model_validate_json(last_word) if last_word else Ended()


def _start(options: Options, redis: str | None) -> Stack:
    supervisor = supervisor_of(Path(options.data_dir))
    environment = {**os.environ, **({"REDIS_URL": redis} if redis else {})}  # everybody can read arguments
    try:
        connection = supervisor.start(
            "shared.local.supervisor", options.model_dump_json(), seconds=START_SECONDS, environment=environment
        )
    except DidNotStart as reason:
        text = f"the stack of {options.data_dir} did not start: {reason}; see {supervisor.log}"
        raise error_of(reason.exit_code, text) from None
    with connection:
        return Stack.model_validate_json(connection.greeting)


def _announced(stack: Stack, on_step: OnMessage) -> Stack:
    """Return the stack once all of its workers have announced themselves in the store."""
    data_dir = Path(stack.data_dir)
    deadline = time.monotonic() + ANNOUNCE_SECONDS
    store = open_store(stack.url)
    try:
        while True:
            stack = _look_at(data_dir)
            if dead := next((part for part in stack.parts if part.deaths), None):
                raise error_of(dead.exit_code, f"the {dead.name} ended as it started: {dead.reason}; see {dead.log}")
            missing = [
                part.name for part in stack.parts if part.name != FLOWER and not _is_live(part, store.fleet.live())
            ]
            if not missing:
                return stack
            if time.monotonic() > deadline:
                text = f"the {missing[0]} did not start within {ANNOUNCE_SECONDS:g} s"
                raise SweepError(f"{text}; see {data_dir / 'logs'}")
            on_step(f"waiting for {', '.join(missing)}")
            time.sleep(LOOK_SECONDS)
    finally:
        store.close()


def _look_at(data_dir: Path) -> Stack:
    found = attach(data_dir)
    if found is None:
        raise SweepError(f"the supervisor of {data_dir} died; see {data_dir / LOG}")
    with found:
        return found.stack


def _is_live(part: Part, workers: list[LiveWorker]) -> bool:
    return any(worker.pid == part.pid and worker.host == socket.gethostname() for worker in workers)
