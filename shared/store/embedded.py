"""The private redis-server of a data folder: find it, start it, hold it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shared.domain.errors import ConfigError, Conflict, StoreUnreachable
from shared.store.embedded_server import ALREADY_RUNNING, HOLD_SOCKET, PLACE, find_server

STORE_FOLDER = ".store"
LOG = "server.log"
START_SECONDS = 70.0
ANSWER_SECONDS = 5.0
RETRY_SECONDS = 0.1
AOF_IS_DAMAGED = "Bad file format reading the append only file"
# Guardians started here. They may outlive us, for others who hold the server: nobody waits for them.
_started: list[subprocess.Popen[bytes]] = []


@dataclass
class Hold:
    """Keeps the server alive until it is released, or until this process ends in whatever way."""

    url: str
    connection: socket.socket

    def release(self) -> None:
        """Let go; the server ends when nobody else holds it."""
        self.connection.close()

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def has_files(data_dir: Path) -> bool:
    """Whether an embedded server has kept its data in this folder."""
    try:
        return (data_dir / STORE_FOLDER / "appendonlydir").is_dir()
    except OSError:  # a name that is too long, for example
        return False


def attach(data_dir: Path) -> Hold | None:
    """Hold the server of this folder if it runs; None if it does not. Raises Conflict when it runs on another host."""
    try:
        place = json.loads((data_dir / STORE_FOLDER / PLACE).read_text())
        host, runtime_dir = str(place["host"]), Path(place["runtime_dir"])
    except PermissionError:
        raise Conflict(f"{data_dir}: its store belongs to another user: choose another --data-dir") from None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host != socket.gethostname():
        raise Conflict(
            f"{data_dir}: its store runs on host {host}: run this there, set REDIS_URL, "
            f"or delete {data_dir / STORE_FOLDER / PLACE} if that host is gone"
        )
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(runtime_dir / HOLD_SOCKET))
        with connection.makefile() as lines:
            url = str(json.loads(lines.readline())["url"])
    except (OSError, ValueError, KeyError):
        connection.close()
        return None
    return Hold(url, connection)


def start(data_dir: Path) -> Hold:
    """Hold the server of this folder, started if it does not run.

    Raises StoreUnreachable when it cannot start, ConfigError when the folder cannot be written to.
    """
    held = attach(data_dir)
    if held:
        return held
    try:
        find_server()
    except FileNotFoundError as error:
        raise StoreUnreachable(str(error)) from None
    store_dir = (data_dir / STORE_FOLDER).resolve()
    try:
        store_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        (store_dir / LOG).open("ab").close()
    except OSError as error:
        raise ConfigError(f"{store_dir}: {error.strerror}: choose another --data-dir") from None
    deadline, said_before = time.monotonic() + START_SECONDS, (store_dir / LOG).stat().st_size
    guardian = _start_guardian(store_dir)
    while time.monotonic() < deadline:
        held = attach(data_dir)
        if held:
            return held
        if guardian.poll() == ALREADY_RUNNING:  # one that is starting, or on its way out: then this place is free soon
            time.sleep(RETRY_SECONDS)
            guardian = _start_guardian(store_dir)
        elif guardian.poll() is not None:
            break
        time.sleep(0.01)
    log = store_dir / LOG
    raise StoreUnreachable(f"the embedded store in {store_dir} did not start: {_why(log, said_before)}: see {log}")


def _why(log: Path, said_before: int) -> str:
    """Return what the server's last words mean, and how to mend it; `said_before` bytes of its log are older."""
    words = log.read_bytes()[said_before:].decode(errors="replace")
    if AOF_IS_DAMAGED in words:
        manifest = log.parent / "appendonlydir" / "appendonly.aof.manifest"
        return (
            "its files are damaged: keep a copy, "
            f"then cut them off before the damage (redis-check-aof --fix {manifest}), "
            f"or move {log.parent} away and bring each sweep back from its folder (sweepctl restore)"
        )
    return (words.strip().splitlines() or ["no reason given"])[-1]


def _start_guardian(store_dir: Path) -> subprocess.Popen[bytes]:
    # A unix socket's path has at most 103 bytes on macOS and 107 on Linux: the data folder's may be longer.
    runtime_dir = tempfile.mkdtemp(prefix="sweep-", dir=short_folder())
    command = [sys.executable, "-m", "shared.store.embedded_server", str(store_dir), runtime_dir]
    with (store_dir / LOG).open("ab") as output:
        guardian = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the command that was typed, not for the store
            cwd=_package_root(),
        )
    _started.append(guardian)
    return guardian


def short_folder() -> str | None:
    """Return a folder whose sockets have short paths: the data folder's may be longer than a socket may have."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return runtime if runtime and len(runtime) < 50 and os.access(runtime, os.W_OK) else "/tmp"


def _package_root() -> Path:
    return Path(__file__).resolve().parents[2]
