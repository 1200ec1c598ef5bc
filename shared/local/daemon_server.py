"""A daemon of a folder, from inside. There is one at a time, clients find it by a file and reach it by a socket.

The protocol, of which `shared.local.daemon` is the other side:

- The daemon holds a lock on `<folder>/lock` for as long as it runs. The kernel releases it however the daemon ends.
- `<folder>/<file>` says where it is: JSON with `host`, `pid` and `runtime_dir`, a short folder that only its user can
  enter, since the path of a unix socket has at most 103 bytes.
- It listens on `<runtime_dir>/<socket>`. It greets each client with one line of JSON.
- A client that sends the line `end` ends it. All clients get its last word, one line, once it has ended its work.

Standard library only, so that a daemon starts at once.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

LOCK = "lock"
END = b"end\n"
RUNTIME_PREFIX = "sweep-"
ALREADY_RUNNING = 75
"""The exit code of a daemon whose folder has one already."""
LOOK_SECONDS = 0.1


class Place(NamedTuple):
    """Where the daemon of a folder is found: the folder, the name of its file, and the name of its socket."""

    folder: Path
    file: str
    socket: str


class Service(Protocol):
    """What a daemon does."""

    def start(self) -> None:
        """Start the work. Clients are greeted when this returns; an exception ends the daemon."""

    def greeting(self) -> str:
        """Return the line of JSON for a client that has just connected."""

    def look(self, clients: int) -> bool:
        """Do the work that is due, and return whether to continue. Called regularly with the number of clients."""

    def stop(self) -> str | None:
        """End the work, also where `start` failed; return the last word for the clients, if any."""


def serve(place: Place, runtime_dir: Path, make: Callable[[int], Service]) -> int:
    """Run the daemon of a folder to its end, and return 0; or at once, with ALREADY_RUNNING, where there is one.

    Args:
        place: Where clients find it.
        runtime_dir: A folder of its own for its socket, which is removed at the end.
        make: Returns the service. It gets the file descriptor of the lock, for processes that share it.
    """
    with (place.folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            shutil.rmtree(runtime_dir, ignore_errors=True)
            return ALREADY_RUNNING
        _Daemon(place, runtime_dir, make(lock.fileno())).run()
    return 0


class _Daemon:
    def __init__(self, place: Place, runtime_dir: Path, service: Service) -> None:
        self.place, self.runtime_dir, self.service = place, runtime_dir, service
        self.clients: list[socket.socket] = []
        self.asked_to_end = False

    def run(self) -> None:
        """Serve until a client, a signal or the service ends it."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the command that started it
        last_word = None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            try:
                self._remove_what_a_killed_one_left()
                self.service.start()
                listener.bind(str(self.runtime_dir / self.place.socket))
                listener.listen(64)
                self._write_place()
                while not self.asked_to_end and self.service.look(len(self.clients)):
                    self._listen(listener)
            finally:
                last_word = self.service.stop()
                (self.place.folder / self.place.file).unlink(missing_ok=True)
                shutil.rmtree(self.runtime_dir, ignore_errors=True)
        for client in self.clients:
            with suppress(OSError), client:
                client.sendall(f"{last_word}\n".encode() if last_word else b"")

    def _listen(self, listener: socket.socket) -> None:
        readable, _, _ = select.select([listener, *self.clients], [], [], LOOK_SECONDS)
        for ready in readable:
            if ready is listener:
                self._welcome(listener)
            else:
                self._hear(ready)

    def _welcome(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        try:
            client.sendall((self.service.greeting() + "\n").encode())
        except OSError:
            client.close()
        else:
            self.clients.append(client)

    def _hear(self, client: socket.socket) -> None:
        try:
            said = client.recv(64)
        except OSError:
            said = b""
        if said == END:
            self.asked_to_end = True
        elif not said:  # the client has ended, in whatever way
            self.clients.remove(client)
            client.close()

    def _write_place(self) -> None:
        place = {"host": socket.gethostname(), "pid": os.getpid(), "runtime_dir": str(self.runtime_dir)}
        beside = self.place.folder / f"{self.place.file}.new"
        beside.write_text(json.dumps(place))
        beside.replace(self.place.folder / self.place.file)

    def _remove_what_a_killed_one_left(self) -> None:
        file = self.place.folder / self.place.file
        with suppress(OSError, ValueError, KeyError, TypeError):
            left = json.loads(file.read_text())
            file.unlink()
            runtime_dir = Path(left["runtime_dir"])
            if left["host"] == socket.gethostname() and runtime_dir.name.startswith(RUNTIME_PREFIX):
                shutil.rmtree(runtime_dir, ignore_errors=True)

    def _end(self, signal_number: int, frame: object) -> None:
        self.asked_to_end = True
