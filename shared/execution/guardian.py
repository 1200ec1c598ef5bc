"""A process between a child and the command that it runs: no process of the command outlives the child.

Two pipes connect it to the child. The lifeline closes when the child ends, for any reason: then the guardian kills
every process of the command. The other pipe reports how the command ended, after its last process has ended.

- The command is in the child's process group: when the supervisor kills that group, it kills the command, too. The
  guardian is in a group of its own and survives this.
- On Linux the guardian adopts the processes that the command leaves, even daemons with a session of their own, and the
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
KILL_SECONDS = 5.0  # the longest wait for killed processes; one that hangs in the kernel dies later
LOOK_SECONDS = 0.01
LINGER_SECONDS = 0.2
RESTORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass
class Guarded:
    """A command under a guardian, as the child sees it."""

    guardian: subprocess.Popen[bytes]
    lifeline: int
    answers: int

    def ended(self, *, seconds: float) -> int | None:
        """Return the exit code after the last process of the command has ended; None if `seconds` pass before.

        The exit code is negative for a signal. Raises OSError if the command could not be started.
        """
        if not select.select([self.answers], [], [], seconds)[0]:
            return None
        answer = os.read(self.answers, 2**16)
        self.guardian.wait()
        if not answer:  # the guardian was killed: kill the whole group, the command and this process
            os.killpg(0, signal.SIGKILL)
        ending = json.loads(answer)
        if "errno" in ending:
            raise OSError(ending["errno"], os.strerror(ending["errno"]))
        return int(ending["exit"])

    def terminate(self) -> None:
        """Send SIGTERM to all processes in the group. This process is in the group, too, and ignores it."""
        os.killpg(0, signal.SIGTERM)

    def kill(self) -> None:
        """Kill all processes of the command, and wait until they have ended."""
        os.close(self.lifeline)
        self.guardian.wait()
        os.close(self.answers)


def start_guarded(words: Sequence[str], environment: Mapping[str, str], *, keep: Sequence[int] = ()) -> Guarded:
    """Start a command under a guardian; the file descriptors `keep` stay open in the command.

    This process must lead its group and ignore SIGTERM.
    """
    theirs, lifeline = os.pipe()
    answers, output = os.pipe()
    guardian = subprocess.Popen(
        python_command("shared.execution.guardian", *map(str, (os.getpgrp(), theirs, output)), _numbers(keep), *words),
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=(theirs, output, *keep),
        process_group=0,
    )
    os.close(theirs)
    os.close(output)
    return Guarded(guardian, lifeline, answers)


def main(group: int, lifeline: int, output: int, keep: Sequence[int], words: Sequence[str]) -> None:
    """Run a command in the process group `group`, until it ends or the other end of the lifeline closes.

    Then kill what is left of the command and write to `output` how it ended.
    """
    child_ended = _prepare_signals()
    try:
        command = subprocess.Popen(words, process_group=group, preexec_fn=_become_the_command, pass_fds=keep)
        for descriptor in keep:  # only the command may hold them, so that readers notice its end
            os.close(descriptor)
    except OSError as error:
        os.write(output, json.dumps({"errno": error.errno}).encode())
        return
    command.returncode = _wait_for_the_end(command.pid, group, lifeline, child_ended)
    _kill_all(group)
    with suppress(BrokenPipeError):
        os.write(output, json.dumps({"exit": command.returncode}).encode())


def _wait_for_the_end(pid: int, group: int, lifeline: int, child_ended: int) -> int:
    code: int | None = None
    while True:
        ready, _, _ = select.select([lifeline, child_ended], [], [], None if code is None else LINGER_SECONDS)
        if child_ended in ready:
            os.read(child_ended, 2**10)
        code = _reap().get(pid, code)
        if lifeline in ready:
            return -signal.SIGKILL if code is None else code
        # After SIGTERM a shell ends at once, while the program that it started may still write its checkpoint.
        if code is not None and not (code == -signal.SIGTERM and _members(group)):
            return code


def _prepare_signals() -> int:
    """Ignore the signals that end a process and adopt orphans; return a descriptor that is readable after SIGCHLD."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)
    for one in (*RESTORED, signal.SIGPIPE):
        signal.signal(one, signal.SIG_IGN)
    readable, written = os.pipe()
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def _become_the_command() -> None:
    die_with_parent(signal.SIGKILL)
    for one in RESTORED:  # a new program inherits ignored signals
        signal.signal(one, signal.SIG_DFL)


def _reap() -> dict[int, int]:
    """Return the exit codes of the children and adopted orphans that have ended."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def _left(group: int) -> list[psutil.Process]:
    """Return the processes of the command that are still alive: its group, and all descendants of this process."""
    below = [process for process in psutil.Process().children(recursive=True) if _is_alive(process)]
    return [*below, *_members(group)]


def _members(group: int) -> list[psutil.Process]:
    """Return the live processes of the command's group, without the child that leads it."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if process.pid != group and os.getpgid(process.pid) == group and _is_alive(process):
                found.append(process)
    return found


def _is_alive(process: psutil.Process) -> bool:
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
