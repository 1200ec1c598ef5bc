"""What a supervisor and its child say to each other: one job down the pipe, then lines of JSON both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from shared.domain.run import Checkpoint, Frozen

REPORT, CHECKPOINT, RESUMED = "report", "checkpoint", "resumed"
FINISHED, FAILED, STOPPED, BLOCKED, DAMAGED = "finished", "failed", "stopped", "blocked", "damaged"
STOP = "stop"
PRELOADED_VARIABLE = "SWEEP_PRELOAD"  # tells the forkserver what to import


class Job(Frozen):
    """All that a child needs to know. It gets no address of the store and no secret."""

    entry: str  # module:function, called with the ChildRun
    run: str
    attempt: int
    seed: int
    device: str
    config: dict[str, Any]
    params: dict[str, Any]
    checkpoints: tuple[Checkpoint, ...]
    folder: str
    log_file: str
    threads: int
    environment: dict[str, str] = {}


class Channel:
    """One end of the pipe between supervisor and child."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, kind: str, **content: object) -> None:
        """Send one message. Raises OSError when the other end is gone, ValueError for content that is no JSON."""
        self.connection.send_bytes(json.dumps({"kind": kind, **content}).encode())

    def receive(self) -> Mapping[str, Any] | None:
        """Return the next message if one has arrived. Raises EOFError when the other end is gone."""
        if not self.connection.poll(0):
            return None
        message: Mapping[str, Any] = json.loads(self.connection.recv_bytes())
        return message
