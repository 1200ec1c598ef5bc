"""The process of a training: its own session and log, the user's import path, and the object that the training gets.

Standard library only, on Python 3.9 or newer. The supervisor is at the other end of the pipe: it verifies checkpoints
and commits.
"""

from __future__ import annotations

import base64
import errno
import importlib
import io
import json
import math
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

from protein_sweeps._checkpoint import write_checkpoint
from protein_sweeps._packages import IN_TRAINING
from protein_sweeps._process import die_with_parent
from protein_sweeps.run import Stop

REPORT, CHECKPOINT = "report", "checkpoint"
FINISHED, FAILED, STOPPED, BLOCKED = "finished", "failed", "stopped", "blocked"
STOP = "stop"
LAST_WORDS = (FINISHED, FAILED, STOPPED, BLOCKED)

REPORT_SECONDS = 0.1
MOST_METRICS = 1000  # each heartbeat writes all of them to the store
LONGEST_MESSAGE = 10_000
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}
OURS = ("shared", "services", "sweepctl", "configs")
"""Packages of this product that a training's process must not contain: users have packages of these names."""

_kept: list[ModuleType] = []


class PlainFailure(Exception):
    """A failure that is reported with its message alone, without a traceback in the log."""


class DiskTrouble(BaseException):
    """A checkpoint cannot be written to the disk. No `Exception`, so that the training does not catch it."""


class Channel:
    """One end of the pipe between supervisor and child. A message is one JSON object."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, kind: str, **content: object) -> None:
        """Send one message. Raises OSError if the other end is closed, ValueError if `content` is not JSON."""
        self.connection.send_bytes(json.dumps({"kind": kind, **content}).encode())

    def receive(self) -> Mapping[str, Any] | None:
        """Return the next message if one has arrived. Raises EOFError if the other end is closed."""
        if not self.connection.poll(0):
            return None
        message: Mapping[str, Any] = json.loads(self.connection.recv_bytes())
        return message


class ChildRun:
    """The object that a training gets (`protein_sweeps.run.TrainingRun`): one attempt of a run."""

    def __init__(self, job: Mapping[str, Any], channel: Channel) -> None:
        self.id: str = job["run"]
        self.attempt: int = job["attempt"]
        self.seed: int = job["seed"]
        self.device: str = job["device"]
        self.config: Mapping[str, Any] = job["config"]
        self.params: Mapping[str, Any] = job["params"]
        self.folder = Path(job["folder"])
        self.workspace = Path(job["workspace"])
        self.checkpoint = Path(job["checkpoint"]) if job["checkpoint"] is not None else None
        self.checkpoint_step: int = job["checkpoint_step"]
        self.job, self.channel = job, channel
        self._checkpoints = Path(job["checkpoints"])
        self._unsent: dict[str, Any] | None = None
        self._sent_at = -math.inf

    def report(self, /, step: int, **metrics: float) -> None:
        """Report metrics at a step. May raise `Stop`."""
        if len(metrics) > MOST_METRICS:
            raise TypeError(f"report() of {len(metrics)} metrics: report at most {MOST_METRICS}")
        numbers = {name: _number(name, value) for name, value in metrics.items()}
        earlier = self._unsent["metrics"] if self._unsent else {}  # not sent yet: keep them
        known = {**earlier, **{name: value for name, value in numbers.items() if math.isfinite(value)}}
        self._unsent = {"step": int(step), "metrics": known}
        self.obey()

    def obey(self) -> None:
        """Send the reports that were not sent yet, and raise `Stop` if the training must end."""
        if time.monotonic() - self._sent_at >= REPORT_SECONDS:
            self.flush()
        message = self.channel.receive()
        if message is not None and message["kind"] == STOP:
            raise Stop(message["reason"])

    def save_checkpoint(self, step: int, save: Callable[[Path], object]) -> None:
        """Call `save` with a path, and keep what it wrote atomically. May raise `Stop` after that."""
        try:
            written = write_checkpoint(self._checkpoints, run=self.id, attempt=self.attempt, step=int(step), save=save)
        except OSError as error:
            if error.errno in DISK_TROUBLE:
                raise DiskTrouble(f"{self._checkpoints} cannot be written to: {error.strerror}") from error
            raise
        self.flush()
        self.channel.send(CHECKPOINT, **written._asdict())
        self.obey()

    def flush(self) -> None:
        """Send the last report if it was not sent yet."""
        if self._unsent is not None:
            self.channel.send(REPORT, **self._unsent)
            self._unsent, self._sent_at = None, time.monotonic()


def main(job_text: str, connection: Connection) -> None:
    """Run one job to its end. The exit code is 0 unless the process was killed from outside."""
    job = json.loads(job_text)
    prepare_process(job)
    carry_out(job, Channel(connection))


def prepare_process(job: Mapping[str, Any]) -> None:
    """Start a session, write all output to the log of the job, and end when the parent process ends."""
    os.setsid()
    die_with_parent()
    # The supervisor gets these signals, too, and sends a request to stop through the pipe.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_file = Path(job["log_file"])
    log_file.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # people read the log while it grows
    for name in job["unset"]:
        os.environ.pop(name, None)
    os.environ.update(job["environment"])
    os.environ[IN_TRAINING] = job["run"]
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(job["threads"])  # torch is loaded already and ignores OMP_NUM_THREADS


def carry_out(job: Mapping[str, Any], channel: Channel) -> None:
    """Call the job's entry and send the last message; never returns."""
    try:
        entry = None if job["is_users"] else load_entry(job["entry"])
        use_path_of_the_user(job["path"])
        run = ChildRun(job, channel)
        result = (entry or load_entry(job["entry"], given=job["given"]))(run)
        run.flush()
        channel.send(FINISHED, result=_checked(result))
    except Stop as stop:
        channel.send(STOPPED, reason=stop.reason)
    except DiskTrouble as reason:
        channel.send(BLOCKED, why=str(reason))
    except PlainFailure as failure:
        print(failure, file=sys.stderr)
        channel.send(FAILED, message=str(failure)[:LONGEST_MESSAGE])
    except Exception as error:  # the one place where user code may raise anything
        traceback.print_exception(type(error), error, _users_frames(error, job["entry"]))
        channel.send(FAILED, message=f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE])
    leave()


def leave() -> None:
    """End this process at once: threads that the user's code started must not keep the GPU."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def load_entry(entry: str, *, given: str | None = None) -> Callable[[ChildRun], object]:
    """Import `module:function`, or unpickle `given`, a function of the program that started the worker."""
    if given is not None:
        unpickled: Callable[[ChildRun], object] = pickle.loads(base64.b64decode(given))
        return unpickled
    module_name, _, name = entry.partition(":")
    function: Callable[[ChildRun], object] = getattr(importlib.import_module(module_name), name)
    return function


def use_path_of_the_user(path: list[str]) -> None:
    """Make imports find the user's packages, and of ours only this one.

    Our code that is already loaded keeps working, because it holds its modules itself.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        _kept.append(sys.modules.pop(name))
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "OwnPackages"]
    sys.path[:] = path
    importlib.invalidate_caches()


def _users_frames(error: BaseException, entry: str) -> Any:
    """Return the traceback without the frames before the user's first one, if it has one."""
    ours, at = (__name__, entry.partition(":")[0]), error.__traceback__
    while at and (
        at.tb_frame.f_globals.get("__name__") in ours or at.tb_frame.f_code.co_filename.startswith("<frozen")
    ):
        at = at.tb_next
    return at or error.__traceback__


def _number(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"report({name}={value!r}): a metric must be a number") from None


def _checked(result: object) -> dict[str, float]:
    """Return the result of a training as numbers by name: a plain number is its score."""
    if result is None:
        return {}
    if not isinstance(result, Mapping):
        return {"score": _score(result)}
    if len(result) > MOST_METRICS:
        raise TypeError(f"the training returned {len(result)} metrics: return at most {MOST_METRICS}")
    return {str(name): _number(str(name), value) for name, value in result.items() if value is not None}


def _score(result: Any) -> float:
    try:
        if isinstance(result, (str, bytes)):
            raise TypeError
        return float(result)  # a number, or a scalar of numpy or torch
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"the training returned {type(result).__name__}: return a number, a dict of numbers, or nothing"
        ) from None
