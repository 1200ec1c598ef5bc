"""Serve optuna-dashboard for a store: `python -m services.dashboard.server --port 8080 [SWEEP ...]`.

`sweepctl dashboard` starts it, because commands do not load Optuna. Its first line of output is its address, as JSON.
It ends when its standard input is closed, which the end of the command does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from services.dashboard.storage import REFUSAL, SweepStorage
from shared.domain.errors import ConfigError, SweepError
from shared.store.store import open_store

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
READING: Final = ("GET", "HEAD")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Server(ThreadingMixIn, WSGIServer):
    """A server with a thread for each request, because a page sends several at once."""

    daemon_threads = True
    allow_reuse_address = True


class Quiet(WSGIRequestHandler):
    """A handler that prints no line for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


def guarded(app: Application, *, names: Iterable[str] = LOOPBACK) -> Application:
    """Return the application, read-only, and only for requests to one of the host `names` (none: any host name).

    This excludes web pages of other sites whose host name points to this address.
    """
    known = tuple(names)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", "")).rpartition(":")[0] or str(environ.get("HTTP_HOST", ""))
        if known and host.strip("[]") not in known:
            return _refuse(start_response, "421 Misdirected Request", f"this host name is not allowed: use {known[0]}")
        if environ["REQUEST_METHOD"] not in READING:
            return _refuse(start_response, "403 Forbidden", REFUSAL)
        return app(environ, start_response)

    return answer


def _refuse(start_response: Callable[..., Any], status: str, reason: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps({"reason": reason}).encode()]


def make(storage: SweepStorage, *, host: str, port: int) -> WSGIServer:
    """Return the server, bound and not yet serving. Raises ConfigError for an address that cannot be used."""
    from optuna_dashboard import wsgi

    names = LOOPBACK if host in LOOPBACK else ()
    try:
        return make_server(host, port, guarded(wsgi(storage), names=names), Server, Quiet)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{host}:{port} cannot be listened on: {why}: choose another --port") from None


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serve until the standard input is closed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=LOOPBACK[0])
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("sweeps", nargs="*")
    asked = parser.parse_args()
    try:
        storage = SweepStorage(open_store(os.environ["REDIS_URL"]), asked.sweeps)
        server = make(storage, host=asked.host, port=asked.port)
    except SweepError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    threading.Thread(target=_end_with_input, daemon=True).start()
    print(json.dumps({"url": f"http://{asked.host}:{server.server_port}"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
