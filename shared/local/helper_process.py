"""Start a process that works for a command, and read the lines of JSON that it prints.

Commands load neither torch nor Optuna: what needs them runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final

from shared.domain.errors import SweepError
from shared.local.exit_codes import error_of, has_reason
from shared.processes.start import python_command

END_SECONDS: Final = 5.0
Line = dict[str, Any]


@dataclass
class HelperProcess:
    """A helper that runs. Iterate over it for its lines. It ends by itself, or with the block that it belongs to."""

    called: str  # what it is in a message: "the replay of mysweep"
    process: subprocess.Popen[str]
    errors: IO[str]
    seconds: float | None = None
    timed_out: threading.Event = field(default_factory=threading.Event)

    def __iter__(self) -> Iterator[Line]:
        """Yield each line until the helper ends.

        Raises SweepError, of the class of its exit code, when it fails or does not end in time.
        """
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield self._read(line)
        code = self.process.wait()
        if self.timed_out.is_set():
            raise SweepError(f"{self.called} did not end within {self.seconds:g} s")
        if code:
            reason = self._last_words()
            raise error_of(code, reason if has_reason(code) else f"{self.called} failed: {reason}")

    def answer(self) -> Line:
        """Return the next line. Raises SweepError when the helper ends without one."""
        for line in self:
            return line
        raise SweepError(f"{self.called} ended without an answer")

    def wait(self) -> int:
        """Wait until the helper ends, and return its exit code."""
        return self.process.wait()

    def _read(self, line: str) -> Line:
        try:
            read = json.loads(line)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise SweepError(f"{self.called} printed {line.strip()[:80]!r}: expected a line of JSON")
        return read

    def _last_words(self) -> str:
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["it gave no reason"])[-1]


@contextmanager
def helper_process(
    module: str, *arguments: str, url: str, called: str, seconds: float | None = None
) -> Iterator[HelperProcess]:
    """Run a module of ours as a helper of this command, and end it with the block.

    The helper's standard input stays open as long as the block lasts, so that it can notice the end of this process.

    Args:
        module: What to run, as `python -m` would name it.
        arguments: Its arguments.
        url: The store, which the helper gets as REDIS_URL: everybody on this machine can read arguments.
        called: What the helper is, for messages.
        seconds: The helper is killed after this time; None for no limit.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,  # a pipe that nobody reads would fill up
        subprocess.Popen(
            python_command(module, *arguments),
            env={**os.environ, "REDIS_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        helper = HelperProcess(called, process, errors, seconds)
        timer = _timer(helper)
        try:
            yield helper
        finally:
            if timer:
                timer.cancel()
            _end(process)


def _timer(helper: HelperProcess) -> threading.Timer | None:
    if helper.seconds is None:
        return None

    def kill() -> None:
        helper.timed_out.set()
        helper.process.kill()

    timer = threading.Timer(helper.seconds, kill)
    timer.daemon = True
    timer.start()
    return timer


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
