"""Flower beside the local stack: its address and its login."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping

from shared.domain.errors import ConfigError, Conflict
from shared.local.workers import FLOWER_SETTINGS

USUAL_ADDRESS, USUAL_PORT = "127.0.0.1", "5555"


def flower_address(environment: Mapping[str, str]) -> str:
    """Return host and port."""
    return f"{environment.get('FLOWER_ADDRESS') or USUAL_ADDRESS}:{environment.get('FLOWER_PORT') or USUAL_PORT}"


def flower_login(environment: Mapping[str, str]) -> str:
    """Return `user:password`: that of FLOWER_BASIC_AUTH, else a new one."""
    return environment.get("FLOWER_BASIC_AUTH") or f"sweep:{secrets.token_urlsafe(12)}"


def require_flower(environment: Mapping[str, str]) -> None:
    """Raise ConfigError if Flower's settings are missing, Conflict if its port is in use."""
    if not FLOWER_SETTINGS.is_file():
        raise ConfigError(
            f"--flower: {FLOWER_SETTINGS.parent} has no {FLOWER_SETTINGS.name}, without which Flower would need no "
            "password; use a copy of the repository, or start Flower yourself with --conf=PATH/flowerconfig.py"
        )
    address = flower_address(environment)
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise ConfigError(f"FLOWER_PORT is {port!r}: expected a number such as {USUAL_PORT}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise Conflict(
                f"--flower: {address}: {(error.strerror or 'cannot be used').lower()}{_by_whom(int(port))}; "
                "end that process, or set FLOWER_PORT to another port"
            ) from None


def _by_whom(port: int) -> str:
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.pid
            if listens and connection.laddr and connection.laddr.port == port:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:  # only root may see the connections of others
        pass
    return ""
