"""The private names of multiprocessing that we rely on: no other module of ours uses one.

A test names each of them, and fails when a release of Python moves one.
"""

from __future__ import annotations

from multiprocessing import forkserver


def forkserver_pid() -> int | None:
    """Return the process id of this process's forkserver; None before its first start."""
    pid: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


def stop_forkserver() -> None:
    """End the forkserver of this process; the next child starts another one."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
