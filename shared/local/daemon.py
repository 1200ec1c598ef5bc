"""The daemon of a folder, as its clients see it: find it, start it, talk to it, end it.

`shared.local.daemon_server` is the other side, and describes the protocol.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shared.domain.errors import ConfigError, Conflict, SweepError
from shared.local.daemon_server import ALREADY_RUNNING, END, LOCK, RUNTIME_PREFIX, Place
from shared.processes.start import python_command

ANSWER_SECONDS = 5.0
LOOK_SECONDS = 0.01
RETRY_SECONDS = 0.1
# Daemons outlive the commands that start them: nobody waits for these processes.
started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Connection:
    """A connection to a daemon, which may hold it alive, and the line that the daemon greeted with."""

    greeting: str
    pid: int
    socket: socket.socket

    def is_lost(self) -> bool:
        """Whether the daemon closed the connection, as it does when it dies."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(64) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close it."""
        self.socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class DidNotStart(Exception):
    """A daemon ended before it answered, or did not answer in time (exit code None)."""

    def __init__(self, said: str, exit_code: int | None) -> None:
        self.said, self.exit_code = said, exit_code
        super().__init__((said.strip().splitlines() or ["it gave no reason"])[-1])


@dataclass(frozen=True)
class Daemon:
    """How a kind of daemon is found and started in one data folder, and what it is called in messages."""

    place: Place
    log: Path
    called: str
    elsewhere: str  # what to do about one that runs on another host

    @property
    def data_dir(self) -> Path:
        """The data folder that it belongs to."""
        return self.place.folder.parent

    def attach(self) -> Connection | None:
        """Return a connection to the daemon; None if none answers.

        Raises Conflict for one that runs on another host or belongs to another user.
        """
        try:
            place = json.loads((self.place.folder / self.place.file).read_text())
            host, pid, runtime_dir = str(place["host"]), int(place["pid"]), Path(place["runtime_dir"])
            if host != socket.gethostname():
                raise Conflict(f"{self.data_dir}: its {self.called} runs on host {host}; {self.elsewhere}")
            return _connect(runtime_dir / self.place.socket, pid)
        except PermissionError:
            text = f"{self.data_dir}: its {self.called} belongs to another user; choose another --data-dir"
            raise Conflict(text) from None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_held(self) -> bool:
        """Whether a daemon runs in this folder. It may still start, or be about to end."""
        try:
            with (self.place.folder / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def start(
        self, module: str, *arguments: str, seconds: float, environment: Mapping[str, str] | None = None
    ) -> Connection:
        """Return a connection to the daemon of this folder. If none runs, start `module` as one.

        Another process may start one at the same time: then the connection is to that one.

        Args:
            module: The program. Its arguments are a runtime folder of its own, then `arguments`.
            arguments: The rest of its arguments.
            seconds: How long to wait for it to answer.
            environment: Its environment; default: the one of this process.

        Raises:
            ConfigError: the folder cannot be written to.
            DidNotStart: it ended, or did not answer in time.
        """
        if found := self.attach():
            return found
        said_before = self._prepare()
        deadline = time.monotonic() + seconds
        process = self._spawn(module, arguments, environment)
        while time.monotonic() < deadline:
            if found := self.attach():
                return found
            if process.poll() == ALREADY_RUNNING:  # that one starts or ends: in the latter case the folder is free soon
                time.sleep(RETRY_SECONDS)
                process = self._spawn(module, arguments, environment)
            elif process.poll() is not None:
                break
            time.sleep(LOOK_SECONDS)
        raise DidNotStart(self.log.read_bytes()[said_before:].decode(errors="replace"), process.poll())

    def end(self, connection: Connection, *, seconds: float) -> str:
        """End the daemon, wait until it has ended, and return its last word, or an empty text.

        Raises SweepError when it does not end within `seconds`.
        """
        with connection:
            try:
                connection.socket.settimeout(seconds)
                connection.socket.sendall(END)
                with connection.socket.makefile() as lines:
                    last_word = lines.readline().strip()
            except OSError:
                last_word = ""
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.is_held():
            if time.monotonic() > deadline:
                text = f"the {self.called} of {self.data_dir} does not end; kill process {connection.pid}"
                raise SweepError(f"{text}; see {self.log}")
            time.sleep(LOOK_SECONDS)
        return last_word

    def _prepare(self) -> int:
        """Make the folders, and return how long the log is."""
        try:
            self.place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                return log.tell()
        except OSError as error:
            raise ConfigError(f"{self.place.folder}: {error.strerror}; choose another --data-dir") from None

    def _spawn(
        self, module: str, arguments: tuple[str, ...], environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        runtime_dir = tempfile.mkdtemp(prefix=RUNTIME_PREFIX, dir=short_folder())
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                python_command(module, runtime_dir, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C is meant for the command that was typed
            )
        started.append(process)
        return process


def short_folder() -> str:
    """Return a folder whose sockets have short paths: the path of a data folder may be too long for one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return runtime if runtime and len(runtime) < 50 and os.access(runtime, os.W_OK) else "/tmp"


def _connect(path: Path, pid: int) -> Connection | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(path))
        with connection.makefile() as lines:
            greeting = lines.readline()
    except OSError:
        connection.close()
        raise
    if not greeting:  # it is about to end
        connection.close()
        return None
    return Connection(greeting, pid, connection)
