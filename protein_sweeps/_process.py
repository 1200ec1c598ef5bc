"""No process outlives the one that it works for. Standard library only."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel (Linux) to send this process signal `number` when the thread that forked it ends.

    Elsewhere this does nothing: there a broken pipe or a watching thread ends the process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
