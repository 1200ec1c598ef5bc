"""Inside the child process: an own session, an own log, and the object that the training sees."""

from __future__ import annotations

import errno
import importlib
import io
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from shared.domain.errors import NotFound, SweepError
from shared.domain.trainable import Stop
from shared.domain.wording import plain_sentence
from shared.execution import job as wire
from shared.execution.job import Channel, Job
from shared.processes.orphans import die_with_parent
from shared.storage.checkpoints import open_checkpoint, write_checkpoint
from shared.storage.folders import RunFolder

REPORT_SECONDS = 0.1
MOST_METRICS = 1000  # all of them go to the store with each heartbeat
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}


class Blocked(BaseException):
    """The disk does not take the checkpoint: not the training's fault, so its `except Exception` lets this pass."""


class Damaged(BaseException):
    """The checkpoint that this phase needs cannot be read: the run has to go back to one that can."""


class ChildRun:
    """One attempt of a run as its training sees it (`shared.domain.trainable.TrainingRun`)."""

    def __init__(self, job: Job, channel: Channel) -> None:
        self.id, self.attempt, self.seed, self.device = job.run, job.attempt, job.seed, job.device
        self.config, self.params = job.config, job.params
        self.folder = RunFolder(Path(job.folder))
        self.workspace = self.folder.workspace(job.attempt)
        self.checkpoint: Path | None = None
        self.checkpoint_step = 0
        self._channel = channel
        self._unsent: dict[str, Any] | None = None
        self._sent_at = -math.inf
        self._opened: str | None = None  # name of the checkpoint that could be read
        self._newest = job.checkpoints[-1].path if job.checkpoints else None
        self._complaint = f"run {job.run} has no checkpoint"
        self._open_newest(job)

    def newest_checkpoint(self) -> Path:
        """Return the last checkpoint that was committed, for those to whom no older one will do.

        Raises Damaged, which ends the job, when it cannot be read.
        """
        if self.checkpoint is None or self._opened != self._newest:
            raise Damaged(self._complaint)
        return self.checkpoint

    def report(self, /, step: int, **metrics: float) -> None:
        """Tell how it goes. May raise `Stop`."""
        if len(metrics) > MOST_METRICS:
            raise TypeError(f"report() of {len(metrics)} metrics: report at most {MOST_METRICS}")
        numbers = {name: _number(name, value) for name, value in metrics.items()}
        earlier = self._unsent["metrics"] if self._unsent else {}  # held back: nothing that was reported is lost
        known = {**earlier, **{name: value for name, value in numbers.items() if math.isfinite(value)}}
        self._unsent = {"step": int(step), "metrics": known}
        self.obey()

    def obey(self) -> None:
        """Send what `report` held back, and raise `Stop` if told to: for those who wait for somebody else's report."""
        if time.monotonic() - self._sent_at >= REPORT_SECONDS:
            self.flush()
        message = self._channel.receive()
        if message is not None and message["kind"] == wire.STOP:
            raise Stop(message["reason"])

    def save_checkpoint(self, step: int, save: Callable[[Path], object]) -> None:
        """Let `save` write to the path it is given, atomically. May raise `Stop` once that is done."""
        try:
            checkpoint = write_checkpoint(self.folder, run=self.id, attempt=self.attempt, step=int(step), save=save)
        except OSError as error:
            if error.errno in DISK_TROUBLE:
                raise Blocked(f"{self.folder.checkpoints} cannot be written to: {error.strerror}") from error
            raise
        self.flush()
        self._channel.send(wire.CHECKPOINT, **checkpoint.model_dump())
        self.obey()

    def flush(self) -> None:
        """Send the last report if it was held back."""
        if self._unsent is not None:
            self._channel.send(wire.REPORT, **self._unsent)
            self._unsent, self._sent_at = None, time.monotonic()

    def _open_newest(self, job: Job) -> None:
        for checkpoint in reversed(job.checkpoints):
            try:
                self.checkpoint = open_checkpoint(self.folder, checkpoint)
            except NotFound as reason:
                print(f"falling back: {reason}", file=sys.stderr, flush=True)
                self._complaint = str(reason)
                continue
            self.checkpoint_step, self._opened = checkpoint.step, checkpoint.path
            break
        self._channel.send(wire.RESUMED, path=self._opened)


def main(job_text: str, connection: Connection) -> None:
    """Run one job to its end. The exit code is 0 unless the process was killed from outside."""
    job, channel = Job.model_validate_json(job_text), Channel(connection)
    _settle_in(job)
    try:
        run = ChildRun(job, channel)
        result = _entry(job.entry)(run)
        run.flush()
        channel.send(wire.FINISHED, result=_checked(result))
    except Stop as stop:
        channel.send(wire.STOPPED, reason=stop.reason)
    except Blocked as reason:
        channel.send(wire.BLOCKED, why=str(reason))
    except Damaged as reason:
        channel.send(wire.DAMAGED, why=str(reason))
    except SweepError as error:  # ours, and it says all that there is to say
        print(error, file=sys.stderr)
        channel.send(wire.FAILED, message=_sentence(error))
    except Exception as error:  # the one place where user code may raise anything
        traceback.print_exception(_without_ours(error, job.entry))
        channel.send(wire.FAILED, message=_sentence(error))
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: threads that the user's code left behind must not keep the GPU.
    os._exit(0)


def _settle_in(job: Job) -> None:
    os.setsid()
    die_with_parent(signal.SIGKILL)
    # The supervisor hears of a shutdown first and tells us through the pipe: a signal to the group is not for us.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_file = Path(job.log_file)
    log_file.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # a log is read while it grows
    os.environ.update(job.environment)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(job.threads)  # OMP_NUM_THREADS came too late: torch is loaded


def _entry(path: str) -> Callable[[ChildRun], object]:
    module_name, _, name = path.partition(":")
    entry: Callable[[ChildRun], object] = getattr(importlib.import_module(module_name), name)
    return entry


def _without_ours(error: Exception, entry: str) -> Exception:
    """Leave out the frames of this module and of the entry that come before the first of others, if there is one."""
    ours, at = (__name__, entry.partition(":")[0]), error.__traceback__
    while at and (
        at.tb_frame.f_globals.get("__name__") in ours or at.tb_frame.f_code.co_filename.startswith("<frozen")
    ):
        at = at.tb_next
    return error.with_traceback(at or error.__traceback__)


def _number(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"report({name}={value!r}): a metric must be a number") from None


def _checked(result: object) -> dict[str, float]:
    if result is None:
        return {}
    if not isinstance(result, Mapping):
        raise TypeError(f"the training returned {type(result).__name__}: return a dict of numbers, or nothing")
    if len(result) > MOST_METRICS:
        raise TypeError(f"the training returned {len(result)} metrics: return at most {MOST_METRICS}")
    return {str(name): _number(str(name), value) for name, value in result.items() if value is not None}


def _sentence(error: Exception) -> str:
    return plain_sentence(error if isinstance(error, SweepError) else f"{type(error).__name__}: {error}")
