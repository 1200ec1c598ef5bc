"""The guardian of a private Redis server: `python -m shared.local.store_guardian RUNTIME_DIR STORE_DIR`.

It starts the server on a unix socket, starts it again if it ends, and ends it when nobody holds it any more: each user
keeps a connection to the guardian open, and the kernel closes that connection however the user ends.
Standard library only, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from protein_sweeps._process import die_with_parent
from shared.local.daemon_server import Place, serve
from shared.local.restarts import Life, RestartRule
from shared.store.server_program import find_server

PLACE, HOLD_SOCKET, SERVER_SOCKET = "server.json", "hold.sock", "redis.sock"
FIRST_HOLDER_SECONDS = 15.0
GRACE_SECONDS = 0.5
READY_SECONDS = 60.0
END_SECONDS = 10.0
RESTARTS = RestartRule(first_wait_seconds=0.1, most_in_a_row=5)  # all others wait for the store: be quick


def place_in(store_dir: Path) -> Place:
    """Return where the guardian of a store is found."""
    return Place(store_dir, PLACE, HOLD_SOCKET)


def server_command(program: str, store_dir: Path, runtime_dir: Path) -> list[str]:
    """Return the argv of a server that only its owner can reach, and that loses no acknowledged write."""
    options = {
        "port": "0",
        "unixsocket": str(runtime_dir / SERVER_SOCKET),
        "unixsocketperm": "700",
        "dir": str(store_dir),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [program, *(part for key, value in options.items() for part in (f"--{key}", value))]


class Guardian:
    """Runs the server as long as somebody holds it."""

    def __init__(self, store_dir: Path, runtime_dir: Path, lock: int) -> None:
        self.store_dir, self.runtime_dir, self.lock = store_dir, runtime_dir, lock
        self.process: subprocess.Popen[bytes] | None = None
        self.life = Life(RESTARTS)
        self.needed_until = 0.0

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._start_server()
        self.needed_until = time.monotonic() + FIRST_HOLDER_SECONDS

    def greeting(self) -> str:
        """Return the server's URL."""
        return json.dumps({"url": f"unix://{self.runtime_dir / SERVER_SOCKET}?db=0"})

    def look(self, clients: int) -> bool:
        """Start the server again if it ended; return whether a client holds it, or did so a moment ago."""
        now = time.monotonic()
        if clients:
            self.needed_until = now + GRACE_SECONDS
        self._look_at_server(now)
        return now < self.needed_until

    def stop(self) -> None:
        """End the server."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _start_server(self) -> None:
        command = server_command(find_server(), self.store_dir, self.runtime_dir)
        # preexec_fn is safe here: this process has one thread. The server inherits the lock: if this process is
        # killed, nobody starts a second server on the same files before the first one is gone.
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, preexec_fn=_end_with_guardian, pass_fds=[self.lock]
        )
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"the redis-server ended with exit code {self.process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the redis-server did not answer within {READY_SECONDS:.0f} s")
            time.sleep(0.01)
        self.life.start(time.monotonic())

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.settimeout(1.0)
            probe.connect(str(self.runtime_dir / SERVER_SOCKET))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        return False

    def _look_at_server(self, now: float) -> None:
        if self.life.is_due(now):
            (self.runtime_dir / SERVER_SOCKET).unlink(missing_ok=True)
            self._start_server()
        elif self.life.runs and self.process and self.process.poll() is not None and self.life.die(now) is None:
            raise RuntimeError(f"the redis-server ended {self.life.in_a_row} times in a row")


def _end_with_guardian() -> None:
    die_with_parent(signal.SIGTERM)


def main(runtime_dir: Path, store_dir: Path) -> int:
    """Guard the server of a folder, and return the exit code."""
    os.chdir("/")  # the folder of the command that was typed may be unmounted while this runs
    try:
        return serve(place_in(store_dir), runtime_dir, lambda lock: Guardian(store_dir, runtime_dir, lock))
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
