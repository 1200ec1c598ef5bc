"""Ends a process together with its parent. Standard library only."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel (Linux) to send signal `number` to this process when the thread that forked it ends.

    On other systems this does nothing: there a closed pipe or a watching thread ends the process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
