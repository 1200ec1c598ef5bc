"""A connection to Redis whose errors are sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from redis import exceptions

from shared.domain.errors import ConfigError, StoreDenied, StoreUnreachable

SOCKET_TIMEOUT = 5.0
SCRIPTS = Path(__file__).parent / "scripts"


def connect(url: str, *, timeout: float = SOCKET_TIMEOUT) -> redis.Redis:
    """Return a client for `url`; nothing is sent yet. Raises ConfigError on a URL that is none."""
    options: dict[str, Any] = {"socket_timeout": timeout, "health_check_interval": 15}
    if not url.startswith("unix:"):
        options |= {"socket_connect_timeout": timeout, "socket_keepalive": True}
    try:
        return redis.Redis.from_url(url, decode_responses=True, **options)
    except ValueError as error:
        raise ConfigError(
            f"store URL {masked(url)}: {error}: write redis://[:password@]host:port/0, rediss:// or unix:///path"
        ) from None


def masked(url: str) -> str:
    """Return the URL without its password, for people and logs."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:***@{host}").geturl()


@contextmanager
def plain_errors(url: str) -> Iterator[None]:
    """Turn what redis-py raises into one sentence with the remedy; never with the password."""
    where = masked(url)
    try:
        yield
    except exceptions.AuthenticationError:
        raise StoreDenied(f"Redis at {where} refuses the password: set the right one in REDIS_URL") from None
    except exceptions.NoPermissionError as error:
        raise StoreDenied(f"Redis at {where} forbids the command: {error}: give this user the rights") from None
    except exceptions.BusyLoadingError:
        raise StoreUnreachable(f"Redis at {where} is loading its data: wait and try again") from None
    except exceptions.ReadOnlyError:
        raise StoreUnreachable(f"Redis at {where} is a read-only replica: point REDIS_URL at the primary") from None
    except exceptions.OutOfMemoryError:
        raise StoreUnreachable(f"Redis at {where} is out of memory: raise maxmemory or free some") from None
    except exceptions.TimeoutError:
        raise StoreUnreachable(f"Redis at {where} does not answer in time: is it overloaded, or cut off?") from None
    except exceptions.ConnectionError as error:
        if "auth" in str(error).lower():
            raise StoreDenied(f"Redis at {where} wants a password: set it in REDIS_URL") from None
        reason = "the TLS handshake failed" if "ssl" in str(error).lower() else "nothing answers there"
        raise StoreUnreachable(f"Redis at {where}: {reason}: start it, or set REDIS_URL") from None
    except exceptions.ResponseError as error:
        text = str(error)
        if "NOAUTH" in text or "WRONGPASS" in text:
            raise StoreDenied(f"Redis at {where} wants another password: set it in REDIS_URL") from None
        if "OOM" in text:
            raise StoreUnreachable(f"Redis at {where} is out of memory: raise maxmemory or free some") from None
        if "MISCONF" in text:
            raise StoreUnreachable(f"Redis at {where} cannot write its files: is its disk full?") from None
        raise
