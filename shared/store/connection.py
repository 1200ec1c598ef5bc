"""A connection to Redis, with errors that are sentences with a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis import exceptions
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from shared.domain.errors import ConfigError, StoreDenied, StoreUnreachable

SOCKET_TIMEOUT = 5.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SCRIPTS = Path(__file__).parent / "scripts"
# After a restart of the server each pooled connection fails once. A repeated command gives the same answer as the first
# one, so commands are repeated; timeouts are not, because the caller must not miss its heartbeat.
RETRY = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2, supported_errors=(exceptions.ConnectionError,))
_CREDENTIALS = re.compile(r"^(\w+://[^/:@]*):.*@")
_PASSWORD_OPTION = re.compile(r"([?&]password=)[^&]*", re.IGNORECASE)


def connect(url: str, *, timeout: float = SOCKET_TIMEOUT) -> redis.Redis:
    """Return a client for `url`; nothing is sent yet. Raises ConfigError for text that is not a URL."""
    options: dict[str, Any] = {"socket_timeout": timeout, "health_check_interval": 15, "retry": RETRY}
    if not url.startswith("unix:"):
        options |= {"socket_connect_timeout": timeout, "socket_keepalive": True}
    try:
        return redis.Redis.from_url(url, decode_responses=True, **options)
    except ValueError as error:
        raise ConfigError(
            f"store URL {masked(url)}: {error}: write redis://[:password@]host:port/0, rediss:// or unix:///path"
        ) from None


def exposure(url: str) -> str | None:
    """Say how other people could reach this store; None if they cannot. A server on this machine needs no TLS."""
    if url.startswith("unix:"):
        return None
    is_remote = str(_parts(url).get("host", "localhost")) not in LOOPBACK
    if is_remote and asks_for_no_password(url):
        return f"Redis at {masked(url)} has no password: anyone who reaches it can change every sweep: set a password"
    if is_remote and not url.startswith("rediss:"):
        return f"Redis at {masked(url)} is used without TLS: use it only in a private network, or write rediss://"
    return None


def is_private(url: str) -> bool:
    """Whether a store is reached through a socket of this machine, which only its user can open."""
    return url.startswith("unix:")


def asks_for_no_password(url: str) -> bool:
    """Whether anyone who can reach the port of this store can write to it."""
    return not is_private(url) and not _parts(url).get("password")


def _parts(url: str) -> dict[str, Any]:
    return dict(redis.connection.parse_url(url))  # type: ignore[no-untyped-call]


def masked(url: str) -> str:
    """Return the URL without its password, for people and logs; text that is not a URL is masked, too."""
    return _PASSWORD_OPTION.sub(r"\1***", _CREDENTIALS.sub(r"\1:***@", url))


@contextmanager
def plain_errors(url: str) -> Iterator[None]:
    """Turn errors of redis-py into one sentence with the remedy and without the password."""
    where = masked(url)
    try:
        yield
    except exceptions.AuthenticationError:
        raise StoreDenied(f"Redis at {where} refuses the password: set the right one in REDIS_URL") from None
    except exceptions.NoPermissionError as error:
        raise StoreDenied(f"Redis at {where} forbids the command: {error}: grant this user the rights") from None
    except exceptions.BusyLoadingError:
        raise StoreUnreachable(f"Redis at {where} is loading its data: wait and try again") from None
    except exceptions.ReadOnlyError:
        raise StoreUnreachable(f"Redis at {where} is a read-only replica: point REDIS_URL at the primary") from None
    except exceptions.OutOfMemoryError:
        raise StoreUnreachable(f"Redis at {where} is out of memory: raise maxmemory or free some") from None
    except exceptions.MasterDownError:
        raise StoreUnreachable(f"Redis at {where} is a replica without its primary: point REDIS_URL at that") from None
    except exceptions.TimeoutError:
        causes = "overloaded or disconnected?"
        if url.startswith("rediss:"):  # a server without TLS takes the handshake for a command and waits for the rest
            causes = "overloaded, disconnected, or without TLS (then write redis://)?"
        raise StoreUnreachable(f"Redis at {where} does not answer in time: is it {causes}") from None
    except exceptions.ConnectionError as error:
        if "[SSL" in str(error):
            raise StoreUnreachable(
                f"Redis at {where}: the TLS handshake failed: "
                "add the authority of its certificate with ?ssl_ca_certs=FILE"
            ) from None
        if "max number of clients" in str(error):
            raise StoreUnreachable(f"Redis at {where} has too many clients: raise its maxclients") from None
        if url.startswith("redis:") and any(part in str(error) for part in ("closed by server", "reset by peer")):
            raise StoreUnreachable(
                f"Redis at {where} closed the connection: is it stopping, or does it need TLS (then write rediss://)?"
            ) from None
        raise StoreUnreachable(f"Redis at {where}: no answer: start it, or set REDIS_URL") from None
    except exceptions.ResponseError as error:
        text = str(error)
        if "OOM" in text:
            raise StoreUnreachable(f"Redis at {where} is out of memory: raise maxmemory or free some") from None
        if text.startswith("DENIED"):
            raise StoreDenied(
                f"Redis at {where} is in protected mode and serves only its own host: "
                "set a password there (requirepass) and in REDIS_URL"
            ) from None
        if "MISCONF" in text:
            raise StoreUnreachable(f"Redis at {where} cannot write its files: is its disk full?") from None
        raise
    except exceptions.InvalidResponse:
        raise StoreUnreachable(f"{where} answers, but is not Redis: fix the port in REDIS_URL") from None
