"""The private Redis server of a data folder: find it, start it, hold it.

Its guardian (`shared.local.store_guardian`) is a daemon of `<data_dir>/.store`. The server runs as long as somebody
holds a connection to the guardian.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shared.domain.errors import StoreUnreachable
from shared.local.daemon import Connection, Daemon, DidNotStart
from shared.local.store_guardian import PLACE, place_in
from shared.store.server_program import find_server

STORE_FOLDER = ".store"
LOG = "server.log"
START_SECONDS = 70.0
AOF_IS_DAMAGED = "Bad file format reading the append only file"


@dataclass(frozen=True)
class Hold:
    """Keeps the server running until it is released, or until this process ends in whatever way."""

    url: str
    connection: Connection

    def is_lost(self) -> bool:
        """Whether the guardian is gone, and the server with it."""
        return self.connection.is_lost()

    def release(self) -> None:
        """Stop holding the server. It ends when nobody else holds it."""
        self.connection.close()

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def has_files(data_dir: Path) -> bool:
    """Whether a private server has kept its data in this folder."""
    try:
        return (data_dir / STORE_FOLDER / "appendonlydir").is_dir()
    except OSError:  # a name that is too long, for example
        return False


def attach(data_dir: Path) -> Hold | None:
    """Hold the server of this folder if it runs; return None if it does not.

    Raises Conflict for one that runs on another host or belongs to another user.
    """
    connection = _guardian_of(data_dir).attach()
    if connection is None:
        return None
    try:
        return _hold(connection)
    except (ValueError, KeyError, TypeError):  # no guardian of ours answers there
        connection.close()
        return None


def start(data_dir: Path) -> Hold:
    """Hold the server of this folder, and start it if it does not run.

    Raises StoreUnreachable when it cannot start, ConfigError when the folder cannot be written to, and what `attach`
    raises.
    """
    held = attach(data_dir)
    if held:
        return held
    try:
        find_server()
    except FileNotFoundError as error:
        raise StoreUnreachable(str(error)) from None
    guardian = _guardian_of(data_dir.resolve())
    folder = guardian.place.folder
    try:
        connection = guardian.start("shared.local.store_guardian", str(folder), seconds=START_SECONDS)
    except DidNotStart as reason:
        text = f"the private store in {folder} did not start: {_why(reason, folder)}; see {guardian.log}"
        raise StoreUnreachable(text) from None
    return _hold(connection)


def ended(data_dir: Path) -> bool:
    """Whether no server runs in this folder."""
    return not (data_dir / STORE_FOLDER / PLACE).exists()


def _guardian_of(data_dir: Path) -> Daemon:
    place = place_in(data_dir / STORE_FOLDER)
    return Daemon(
        place,
        log=place.folder / LOG,
        called="store",
        elsewhere=f"run this there, set REDIS_URL, or delete {place.folder / place.file} if that host is gone",
    )


def _hold(connection: Connection) -> Hold:
    return Hold(str(json.loads(connection.greeting)["url"]), connection)


def _why(reason: DidNotStart, folder: Path) -> str:
    """Return what the server's last words mean, and the remedy where we know one."""
    if AOF_IS_DAMAGED not in reason.said:
        return str(reason)
    manifest = folder / "appendonlydir" / "appendonly.aof.manifest"
    return (
        f"its files are damaged; copy {folder}, then remove what follows the damage "
        f"(redis-check-aof --fix {manifest}), or move {folder} away and restore each sweep from its folder "
        "(sweepctl restore)"
    )
