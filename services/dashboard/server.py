"""Serve optuna-dashboard over a store: `python -m services.dashboard.server --port 8080 [SWEEP ...]`.

`sweepctl dashboard` starts it, since commands load no Optuna. The first line that it prints is its address, as JSON; it
ends when its standard input does, that is with the command.
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
    """A page asks for several things at once."""

    daemon_threads = True
    allow_reuse_address = True


class Quiet(WSGIRequestHandler):
    """The terminal is not for a line for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


def guarded(app: Application, *, names: Iterable[str] = LOOPBACK) -> Application:
    """Return the application without its ways to write, and for those alone who call it by one of `names`.

    The latter keeps out a web page elsewhere that lets its own name point here; no names: by any.
    """
    known = tuple(names)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", "")).rpartition(":")[0] or str(environ.get("HTTP_HOST", ""))
        if known and host.strip("[]") not in known:
            return _refuse(start_response, "421 Misdirected Request", f"call it by {known[0]}")
        if environ["REQUEST_METHOD"] not in READING:
            return _refuse(start_response, "403 Forbidden", REFUSAL)
        return app(environ, start_response)

    return answer


def _refuse(start_response: Callable[..., Any], status: str, reason: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps({"reason": reason}).encode()]


def make(storage: SweepStorage, *, host: str, port: int) -> WSGIServer:
    """Return the server, bound and not yet serving. Raises ConfigError for an address that cannot be had."""
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
    """Serve until standard input ends."""
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
