"""Trains with a function in another Python: starts it, forwards its messages, and ends all its processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

from protein_sweeps import _child
from protein_sweeps._child import LAST_WORDS, ChildRun, PlainFailure, leave
from shared.execution.guardian import Guarded, start_guarded

LAUNCHER: Final = Path(_child.__file__).with_name("_interpreter.py")


def train(run: ChildRun) -> None:
    """Call the function of `run` in the Python that its config names; never returns.

    Raises PlainFailure if that Python cannot be started. This process ends as that one does: it forwards the last
    message or, if there was none, ends with the same exit code or signal.
    """
    trainer: Mapping[str, Any] = run.config["trainer"]
    python = trainer["python"]
    ours, theirs = Pipe()
    command = start_guarded(
        [python, str(LAUNCHER), str(theirs.fileno())],
        {**os.environ, "PYTHONUNBUFFERED": "1"},
        keep=[theirs.fileno()],
    )
    theirs.close()
    try:
        ours.send_bytes(json.dumps({**run.job, "entry": trainer["function"], "is_users": True}).encode())
        has_ended, code = _relay(ours, run.channel.connection, command)
    except OSError as error:
        why = f"python {python} could not be started: {error.strerror}"
        raise PlainFailure(f"{why}: give the path of an interpreter") from None
    finally:
        command.kill()
    if not has_ended:
        _end_like(code)
    leave()


def _relay(inner: Connection, outer: Connection, command: Guarded) -> tuple[bool, int]:
    """Forward messages until the command ends; return whether it sent its last message, and its exit code."""
    has_ended = False
    sources: list[Connection | int] = [inner, outer, command.answers]
    while True:
        ready = wait(sources)
        if outer in ready:
            with suppress(BrokenPipeError):
                inner.send_bytes(outer.recv_bytes())
        while inner in sources and inner.poll(0):
            try:
                message = inner.recv_bytes()
            except (EOFError, ConnectionResetError):
                sources.remove(inner)
                break
            has_ended = has_ended or json.loads(message)["kind"] in LAST_WORDS
            outer.send_bytes(message)
        if command.answers in ready and (inner not in sources or not inner.poll(0)):
            code = command.ended(seconds=0)
            if code is not None:
                return has_ended, code


def _end_like(code: int) -> None:
    if code >= 0:
        os._exit(code)
    signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
    os.kill(os.getpid(), -code)
