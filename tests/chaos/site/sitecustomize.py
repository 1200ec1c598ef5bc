"""Kills or suspends its own process, or loses an answer, once at a named point. It is first on a worker's PYTHONPATH.

CHAOS is a list of `<point>`, separated by commas; each happens once in all processes together (the folder CHAOS_STRUCK
has a file for each that happened). Points:

    before:<move>   SIGKILL before the commit of that move
    after:<move>    SIGKILL after it was applied
    lost:<move>     its answer is lost: the caller sees a timeout, although the move was applied
    freeze:<move>   the process is suspended before it for 6 seconds, longer than its lease
    fsync:<n>       SIGKILL at the n-th fsync of a child that writes a checkpoint
    rename:before   SIGKILL of that child before the rename of its checkpoint
    rename:after    SIGKILL after the rename, before the child reports it

A move of a run that is marked to stop early has a second name, `early <move>`.
CHAOS_CLOCK is the error of the clock in seconds. CHAOS_VISIBILITY is the broker's visibility timeout in seconds.
The product has no hooks for this: this module wraps its functions.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

POINTS = set(filter(None, os.environ.get("CHAOS", "").split(",")))


def strikes(point: str) -> bool:
    if point not in POINTS:
        return False
    try:
        os.close(os.open(Path(os.environ["CHAOS_STRUCK"], point), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def freeze() -> None:
    # A suspended process cannot continue itself.
    subprocess.Popen(["sh", "-c", f"sleep 6; kill -CONT {os.getpid()}"], start_new_session=True)
    os.kill(os.getpid(), signal.SIGSTOP)


def wrap_the_ledger() -> None:
    from shared.domain.errors import StoreUnreachable
    from shared.store.ledger import Ledger

    commit = Ledger.commit

    def struck_commit(self: Any, sweep: str, changes: Any, **how: Any) -> Any:
        after = changes[-1].after
        marked = getattr(after, "early_stop", None) is not None
        names = [after.last_move, *([f"early {after.last_move}"] if marked else [])]
        if any(strikes(f"before:{name}") for name in names):
            die()
        if any(strikes(f"freeze:{name}") for name in names):
            freeze()
        answer = commit(self, sweep, changes, **how)
        if any(strikes(f"after:{name}") for name in names):
            die()
        if any(strikes(f"lost:{name}") for name in names):
            raise StoreUnreachable("the answer was lost")
        return answer

    Ledger.commit = struck_commit  # type: ignore[method-assign]


def wrap_the_disk() -> None:
    from protein_sweeps import _checkpoint as checkpoints

    write, fsync, rename = checkpoints.write_checkpoint, os.fsync, Path.rename

    def struck_write(*args: Any, **how: Any) -> Any:
        count = 0

        def struck_fsync(descriptor: int) -> None:
            nonlocal count
            count += 1
            if strikes(f"fsync:{count}"):
                die()
            fsync(descriptor)

        def struck_rename(self: Path, target: Path) -> Path:
            if strikes("rename:before"):
                die()
            moved = rename(self, target)
            if strikes("rename:after"):
                die()
            return moved

        os.fsync, Path.rename = struck_fsync, struck_rename  # type: ignore[assignment, method-assign]
        try:
            return write(*args, **how)
        finally:
            os.fsync, Path.rename = fsync, rename  # type: ignore[method-assign]

    checkpoints.write_checkpoint = struck_write


if os.environ.get("CHAOS_CLOCK"):
    right = time.time
    time.time = lambda: right() + float(os.environ["CHAOS_CLOCK"])
if os.environ.get("CHAOS_VISIBILITY") and "celery" in sys.argv[0]:
    from shared.queues import app

    app.VISIBILITY_SECONDS = int(os.environ["CHAOS_VISIBILITY"])
if (POINTS and "celery" in sys.argv[0]) or any("forkserver" in part for part in sys.orig_argv):
    wrap_the_ledger()
    wrap_the_disk()
