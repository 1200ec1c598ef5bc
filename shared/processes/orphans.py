"""No process outlives the one that it works for."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PARENT_VARIABLE = "SWEEP_PARENT_PID"
POLL_SECONDS = 0.5
PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: signal.Signals) -> None:
    """Ask the kernel to send this process a signal when the thread that forked it ends.

    Linux only. Elsewhere a process has to notice by a pipe or a poll that its parent is gone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number)


def end_with_launcher() -> None:
    """Kill this worker when the command that launched it (SWEEP_PARENT_PID) is gone. Without one, do nothing."""
    launcher = os.environ.get(PARENT_VARIABLE)
    if launcher and launcher.isdecimal():
        threading.Thread(target=_watch, args=(int(launcher),), name="launcher-watch", daemon=True).start()


def _watch(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(POLL_SECONDS)
    # No warm shutdown: the store ends with the launcher, and the runs resume from their checkpoints.
    os.kill(os.getpid(), signal.SIGKILL)
