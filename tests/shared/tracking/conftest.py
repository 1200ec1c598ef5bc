"""A small W&B on this machine, which can be made to refuse, to be busy and to go away."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import wandb as client

KEY = "0123456789abcdef0123456789abcdef01234567"


class SmallWandb:
    """Answers as much of W&B's protocol as one run needs. `status` is what it answers with."""

    def __init__(self, server: http.server.ThreadingHTTPServer) -> None:
        self._server = server
        self.status = 200
        self.known = True  # whether it knows the account of a key
        self.asked: list[str] = []
        self.keys: set[str | None] = set()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def go_away(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, query: str) -> dict[str, Any]:
        """Return the data that a query asks for."""
        self.asked.append(query)
        if "upsertBucket" in query:
            project = {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}}
            bucket = {"id": "x", "name": "s.r.1", "displayName": "d", "project": project, "historyLineCount": 0}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if "createRunFiles" in query:
            return {"createRunFiles": {"runID": "x", "uploadHeaders": [], "files": []}}
        if "viewer" in query:
            return {"viewer": {"id": "v", "entity": "e", "username": "u"} if self.known else None}
        return {}


@pytest.fixture
def small_wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallWandb]:
    """Yield a W&B that everything here takes for the real one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            wandb.keys.add(self.headers.get("Authorization"))
            data = {"data": wandb.answer(json.loads(body)["query"])} if self.path == "/graphql" else {}
            text = json.dumps(data).encode()
            self.send_response(wandb.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _reply  # noqa: N815 - the names that the server calls

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        wandb = SmallWandb(server)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("WANDB_BASE_URL", wandb.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        client.teardown()  # it keeps the address that an earlier test had
        yield wandb
        client.teardown()
        server.shutdown()
        thread.join()
