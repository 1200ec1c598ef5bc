"""Ends a worker when the command that started it has ended."""

from __future__ import annotations

import os
import signal
import threading
import time

PARENT_VARIABLE = "SWEEP_PARENT_PID"
POLL_SECONDS = 0.5


def end_with_launcher() -> None:
    """Kill this worker when the command that started it (SWEEP_PARENT_PID) ends. Without the variable, do nothing."""
    launcher = os.environ.get(PARENT_VARIABLE)
    if launcher and launcher.isdecimal():
        threading.Thread(target=_watch, args=(int(launcher),), name="launcher-watch", daemon=True).start()


def _watch(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(POLL_SECONDS)
    # No warm shutdown: the store ends with the launcher, and the runs resume from their checkpoints.
    os.kill(os.getpid(), signal.SIGKILL)
