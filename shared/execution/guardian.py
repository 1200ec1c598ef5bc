"""A process between a child and the command that it runs: whatever dies, and however, nothing of the command survives.

Two pipes join it to the child. The lifeline breaks when the child is gone, in whatever way: then everything that the
command started is killed. The other one tells the child how the command ended, once nothing of it is left.

- The command is in the child's process group, so that the supervisor's kill of that group reaches it, too. The guardian
  is in a group of its own, so that it does not.
- On Linux the guardian adopts what the command leaves behind, daemons with a session of their own included, and the
  kernel kills the command when the guardian is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from protein_sweeps._process import die_with_parent
from shared.processes.start import python_command

PR_SET_CHILD_SUBREAPER = 36
KILL_SECONDS = 5.0  # a process that hangs in the kernel dies later
LOOK_SECONDS = 0.01
LINGER_SECONDS = 0.2
RESTORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass
class Guarded:
    """A command in the hands of its guardian, as the child sees it."""

    guardian: subprocess.Popen[bytes]
    lifeline: int
    told: int

    def ended(self, *, seconds: float) -> int | None:
        """Return the exit code once nothing of the command is left, negative for a signal; None after `seconds`.

        Raises OSError when the command could not be started.
        """
        if not select.select([self.told], [], [], seconds)[0]:
            return None
        answer = os.read(self.told, 2**16)
        self.guardian.wait()
        if not answer:  # it was killed: what it guarded is killed with us, as its death would have had it
            os.killpg(0, signal.SIGKILL)
        told = json.loads(answer)
        if "errno" in told:
            raise OSError(told["errno"], os.strerror(told["errno"]))
        return int(told["exit"])

    def terminate(self) -> None:
        """Tell the command and all in its group to end. This process, in the same group, ignores it."""
        os.killpg(0, signal.SIGTERM)

    def kill(self) -> None:
        """End whatever is left of it, and wait until that is done."""
        os.close(self.lifeline)
        self.guardian.wait()
        os.close(self.told)


def start_guarded(words: Sequence[str], environment: Mapping[str, str], *, keep: Sequence[int] = ()) -> Guarded:
    """Start a command under a guardian, with the file descriptors `keep` open in it.

    This process must lead its group, and ignore SIGTERM.
    """
    theirs, lifeline = os.pipe()
    told, tells = os.pipe()
    guardian = subprocess.Popen(
        python_command("shared.execution.guardian", *map(str, (os.getpgrp(), theirs, tells)), _numbers(keep), *words),
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=(theirs, tells, *keep),
        process_group=0,
    )
    os.close(theirs)
    os.close(tells)
    return Guarded(guardian, lifeline, told)


def main(group: int, lifeline: int, tells: int, keep: Sequence[int], words: Sequence[str]) -> None:
    """Guard a command, in the process group `group`, until it or the other end of the lifeline is gone."""
    woken = _settle_in()
    try:
        command = subprocess.Popen(words, process_group=group, preexec_fn=_become_the_command, pass_fds=keep)
        for descriptor in keep:  # the command's alone: its end is to be noticed
            os.close(descriptor)
    except OSError as error:
        os.write(tells, json.dumps({"errno": error.errno}).encode())
        return
    command.returncode = _wait_for_the_end(command.pid, group, lifeline, woken)
    _kill_all(group)
    with suppress(BrokenPipeError):
        os.write(tells, json.dumps({"exit": command.returncode}).encode())


def _wait_for_the_end(pid: int, group: int, lifeline: int, woken: int) -> int:
    code: int | None = None
    while True:
        ready, _, _ = select.select([lifeline, woken], [], [], None if code is None else LINGER_SECONDS)
        if woken in ready:
            os.read(woken, 2**10)
        code = _reap().get(pid, code)
        if lifeline in ready:
            return -signal.SIGKILL if code is None else code
        # Told to end, a shell is gone at once, while what it started may still write its checkpoint.
        if code is not None and not (code == -signal.SIGTERM and _members(group)):
            return code


def _settle_in() -> int:
    """Outlive every signal to the group, adopt orphans; return what can be read from when a child has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)
    for one in (*RESTORED, signal.SIGPIPE):
        signal.signal(one, signal.SIG_IGN)
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken


def _become_the_command() -> None:
    die_with_parent(signal.SIGKILL)
    for one in RESTORED:  # what is ignored stays so in a new program
        signal.signal(one, signal.SIG_DFL)


def _reap() -> dict[int, int]:
    """Return the exit codes of the children and adopted orphans that have ended."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def _left(group: int) -> list[psutil.Process]:
    """Return what the command has left: its group, and everything below this process."""
    below = [process for process in psutil.Process().children(recursive=True) if _lives(process)]
    return [*below, *_members(group)]


def _members(group: int) -> list[psutil.Process]:
    """Return the live processes of the command's group, but for the child that leads it."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if process.pid != group and os.getpgid(process.pid) == group and _lives(process):
                found.append(process)
    return found


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill_all(group: int) -> None:
    deadline = time.monotonic() + KILL_SECONDS
    while (left := _left(group)) and time.monotonic() < deadline:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        _reap()
        time.sleep(LOOK_SECONDS)


def _numbers(descriptors: Sequence[int]) -> str:
    return ",".join(map(str, descriptors))


if __name__ == "__main__":
    kept = [int(part) for part in sys.argv[4].split(",") if part]
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), kept, sys.argv[5:])
