"""Watches one child process from its start to its end: renews the lease, commits checkpoints, stops the child."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Event
from typing import Any

from protein_sweeps import _child as wire
from protein_sweeps._child import Channel
from protein_sweeps.run import StopReason
from shared.domain.errors import Fenced, IllegalMove, StoreUnreachable
from shared.domain.observation import spent_by
from shared.domain.progress import Progress
from shared.domain.run import Checkpoint, RunState, fall_back, keep_checkpoint
from shared.domain.wording import plain_sentence
from shared.execution.forkserver import forkserver_is_alive, start_child
from shared.execution.job import Job
from shared.execution.lease import Lease, Move
from shared.storage.checkpoints import OpenedCheckpoint, open_newest, prune_checkpoints
from shared.storage.folders import RunFolder
from shared.storage.logs import bound_log
from shared.storage.records import write_run

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.2
FORKSERVER_UNKNOWN = 255  # multiprocessing returns it when the forkserver is gone; a process may also exit with it
EXIT_SECONDS = 5.0
DYING_SECONDS = 1.0
RETRY_SECONDS = 0.5
FIRST_RENEWAL_SECONDS = 1.0  # so that the first progress is shown soon


@dataclass(frozen=True)
class Patience:
    """How long the supervisor waits for what (seconds)."""

    heartbeat: float
    stop_grace: float
    stall: float


@dataclass(frozen=True)
class Finished:
    """The job ended by itself: its result, its last metrics, and the seconds since its last checkpoint.

    `early`: the job was stopped because it is worse than others; what it has reached is scored.
    """

    result: dict[str, float]
    metrics: dict[str, float]
    seconds: float
    steps: int
    early: bool = False
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class UserFailure:
    """The user's code raised an exception or ended its process, `seconds` after its last checkpoint."""

    message: str
    seconds: float


@dataclass(frozen=True)
class Lost:
    """The process died or hung, perhaps through no fault of the user's code."""

    why: str


@dataclass(frozen=True)
class Stopped:
    """The job ended because it was asked to."""

    reason: StopReason


@dataclass(frozen=True)
class Blocked:
    """The job ended because its files cannot be written, for example to a full disk; it can continue later."""

    why: str


@dataclass(frozen=True)
class Damaged:
    """The checkpoint that the job needs cannot be read; the run has to continue from `to` (None: from the start)."""

    why: str
    to: Checkpoint | None


Ending = Finished | UserFailure | Lost | Stopped | Blocked | Damaged


def supervise(
    lease: Lease,
    job: Job,
    *,
    patience: Patience,
    shutdown: Event,
    metric: str,
    cost: str,
    progress: Progress,
    newest_only: bool = False,
) -> Ending:
    """Run `job` in a child process until it ends, and return how it ended. Raises Fenced if the lease was taken away.

    The child continues from the newest intact checkpoint of the run; with `newest_only` an older one is not used.
    `metric` and `cost` are those of the sweep: the run's curve consists of them. No process of the job is left when
    this returns or raises.
    """
    folder, log_file = RunFolder(Path(job.folder)), Path(job.log_file)
    opened = _open_while_renewing(lease, folder, patience=patience, shutdown=shutdown)
    if isinstance(opened, Stopped):
        return opened
    if opened.faults:
        _append(log_file, "".join(f"falling back: {fault}\n" for fault in opened.faults))
    if newest_only and (opened.path is None or opened.faults):
        return Damaged(next(iter(opened.faults), f"run {lease.run.id} has no checkpoint"), opened.checkpoint)
    process, channel = start_child(_continued(job, opened))
    watch = _Watch(lease, folder, process, channel, patience, metric, cost, progress, log_file)
    watch.continue_from(opened.checkpoint)
    try:
        ending = watch.until_it_ends(shutdown)
        process.join(EXIT_SECONDS)  # its last message was read: it ends by itself
        return ending
    finally:
        _kill_group(process)
        process.join()
        channel.connection.close()


def _open_while_renewing(
    lease: Lease, folder: RunFolder, *, patience: Patience, shutdown: Event
) -> OpenedCheckpoint | Stopped:
    """Verify the run's checkpoints, which may be large, and renew the lease meanwhile. Raises Fenced."""
    checkpoints = lease.run.checkpoints
    if not checkpoints:
        return OpenedCheckpoint()
    opener = ThreadPoolExecutor(1, thread_name_prefix="verify")
    try:
        opening, renew_at = opener.submit(open_newest, folder, checkpoints), time.monotonic() + patience.heartbeat
        while not wait_for([opening], timeout=LOOK_SECONDS).done:
            if shutdown.is_set():
                return Stopped("preempted")
            if time.monotonic() < renew_at:
                continue
            renew_at = time.monotonic() + patience.heartbeat
            match lease.renew(None):
                case "CANCEL":
                    return Stopped("cancelled")
                case "FENCED":
                    raise Fenced(f"run {lease.run.id} is no longer ours: its lease was taken away")
        return opening.result()
    finally:
        opener.shutdown(wait=False)


def _continued(job: Job, opened: OpenedCheckpoint) -> Job:
    step = opened.checkpoint.step if opened.checkpoint else 0
    path = str(opened.path) if opened.path else None
    return job.model_copy(update={"checkpoint": path, "checkpoint_step": step})


def _append(log_file: Path, text: str) -> None:
    with contextlib.suppress(OSError):  # a log that cannot be written never stops a run
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("a") as log:
            log.write(text)


@dataclass
class _Watch:
    lease: Lease
    folder: RunFolder
    process: ForkServerProcess
    channel: Channel
    patience: Patience
    metric: str
    cost: str
    progress: Progress
    log_file: Path
    steps: int = 0
    last_words: Mapping[str, Any] | None = None
    uncommitted: list[Move] = field(default_factory=list)
    waiting_to_commit: bool = False  # until the store answers again
    commit_at: float = -math.inf
    stopping: StopReason | None = None
    kill_at: float | None = None
    stalled: bool = False

    def __post_init__(self) -> None:
        self.heard_at = self.saved_at = time.monotonic()
        self.saved_seconds = self.lease.run.train_seconds  # of training, up to the last checkpoint
        self.renew_at = self.heard_at + min(self.patience.heartbeat, FIRST_RENEWAL_SECONDS)

    def until_it_ends(self, shutdown: Event) -> Ending:
        while self.last_words is None:
            wait([self.channel.connection, self.process.sentinel], timeout=LOOK_SECONDS)
            exited = self.process.exitcode is not None  # before reading: its last messages are still in the pipe
            self._read_messages()
            self._commit_moves()
            bound_log(self.log_file)
            if exited:
                break
            if shutdown.is_set():
                self._ask_to_stop("preempted")
            now = time.monotonic()
            if now >= self.renew_at:
                self._renew(now)
            self._kill_if_late(now)
        self._commit_all_moves(shutdown)
        self._renew(time.monotonic())  # this stores the last report, too
        return self._ending()

    def _read_messages(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while (message := self.channel.receive()) is not None:
                self.heard_at = time.monotonic()
                self._take(message)

    def _take(self, message: Mapping[str, Any]) -> None:
        match message["kind"]:
            case wire.REPORT if self.lease.run.state is RunState.TRAINING:
                self.steps = message["step"]
                self._note(message["metrics"])
            case wire.CHECKPOINT:
                checkpoint = Checkpoint(**{key: message[key] for key in ("step", "path", "sha256")})
                seconds = self.heard_at - self.saved_at
                self.uncommitted.append(partial(keep_checkpoint, checkpoint=checkpoint, seconds=seconds))
                self.saved_at = self.heard_at
                self.saved_seconds += seconds
                self.steps = max(self.steps, checkpoint.step)
                self.progress = self.progress.begun(checkpoint.step)
            case kind if kind in wire.LAST_WORDS:
                self.last_words = message

    def _note(self, metrics: Mapping[str, float]) -> None:
        seconds = self.saved_seconds + self.heard_at - self.saved_at
        known = {**self.progress.metrics, **metrics}
        spent = spent_by(known, cost=self.cost, seconds=seconds, steps=self.steps)
        self.progress = self.progress.after(self.steps, metrics, metric=self.metric, spent=spent)

    def continue_from(self, checkpoint: Checkpoint | None) -> None:
        """Start counting at `checkpoint` (None: the start); the record falls back to it if it names a newer one."""
        run = self.lease.run
        self.steps = checkpoint.step if checkpoint else 0
        if checkpoint != run.checkpoint and run.state is RunState.TRAINING:
            log.warning("run %s: its newest checkpoint cannot be read: continues from step %d", run.id, self.steps)
            self.uncommitted.append(partial(fall_back, to=checkpoint))
            self.saved_seconds = checkpoint.train_seconds if checkpoint else 0.0
            self.progress = self.progress.resumed(self.steps, attempt=run.attempt)

    def _commit_all_moves(self, shutdown: Event) -> None:
        # The last checkpoint is what will be evaluated: the run must not end before it is committed.
        give_up_at: float | None = None
        self._commit_moves()
        while self.uncommitted:
            if shutdown.is_set():
                give_up_at = give_up_at or time.monotonic() + self.patience.stop_grace
                if time.monotonic() > give_up_at:
                    raise StoreUnreachable(f"run {self.lease.run.id}: its last checkpoint could not be committed")
            time.sleep(LOOK_SECONDS)
            self._commit_moves()

    def _commit_moves(self) -> None:
        # While the store does not answer, the training continues; its checkpoints are committed later.
        while self.uncommitted and time.monotonic() >= self.commit_at:
            try:
                self.lease.commit(self.uncommitted[0], keep=True)
            except StoreUnreachable as reason:
                if not self.waiting_to_commit:
                    log.warning("run %s: checkpoint not committed yet: %s", self.lease.run.id, reason)
                self.waiting_to_commit, self.commit_at = True, time.monotonic() + RETRY_SECONDS
                return
            except IllegalMove as reason:
                log.info("%s", reason)
            self.waiting_to_commit = False
            self.uncommitted.pop(0)
            write_run(self.folder, self.lease.run)
            prune_checkpoints(self.folder, self.lease.run.checkpoints, attempt=self.lease.run.attempt)

    def _renew(self, now: float) -> None:
        self.renew_at = now + self.patience.heartbeat
        match self.lease.renew(self.progress):
            case "CANCEL":
                self._ask_to_stop("cancelled")
            case "STOP":
                self._ask_to_stop("stopped early")
            case "FENCED":
                raise Fenced(f"run {self.lease.run.id} is no longer ours: its lease was taken away")

    def _ask_to_stop(self, reason: StopReason) -> None:
        if self.stopping or self.last_words is not None:
            return
        self.stopping, self.kill_at = reason, time.monotonic() + self.patience.stop_grace
        with contextlib.suppress(OSError):
            self.channel.send(wire.STOP, reason=reason)

    def _kill_if_late(self, now: float) -> None:
        self.stalled = self.stalled or now - self.heard_at > self.patience.stall
        if self.stalled or (self.kill_at is not None and now > self.kill_at):
            _kill_group(self.process)

    def _ending(self) -> Ending:
        words, seconds = self.last_words, time.monotonic() - self.saved_at
        has_finished, early = words is not None and words["kind"] == wire.FINISHED, self.stopping == "stopped early"
        if has_finished or early:
            result = words["result"] if words is not None and has_finished else {}
            return Finished(result, self.progress.metrics, seconds, self.steps, early, self.progress)
        if self.stopping:
            return Stopped(self.stopping)
        if words is not None and words["kind"] == wire.BLOCKED:
            return Blocked(words["why"])
        if words is not None and words["kind"] == wire.FAILED:
            return UserFailure(plain_sentence(words["message"]), seconds)
        if self.stalled:
            return Lost(f"stalled: killed after {self.patience.stall:g} s without a report")
        code = self.process.exitcode
        forkserver_died = code == FORKSERVER_UNKNOWN and _forkserver_died()
        if code is not None and code >= 0 and not forkserver_died:
            return UserFailure(f"the process ended with exit code {code} before it was done", seconds)
        return Lost(_cause_of(code))


def _forkserver_died() -> bool:
    # The kernel closes the pipe of a dying process some time before it reports the process as dead.
    deadline = time.monotonic() + DYING_SECONDS
    while (is_alive := forkserver_is_alive()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive


def _cause_of(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "killed by signal 9: out of memory, or killed by hand"
    if exit_code is not None and exit_code < 0:
        return f"killed by signal {signal.Signals(-exit_code).name}"
    return "its forkserver died"


def _kill_group(process: ForkServerProcess) -> None:
    if process.pid is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.exitcode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
