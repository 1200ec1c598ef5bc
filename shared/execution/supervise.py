"""Watch one child from its start to its end: renew, relay, stop, and tell how it ended."""

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
from shared.execution.forkserver import forkserver_lives, start_child
from shared.execution.job import Job
from shared.execution.lease import Lease, Move
from shared.storage.checkpoints import OpenedCheckpoint, open_newest, prune_checkpoints
from shared.storage.folders import RunFolder
from shared.storage.logs import bound_log
from shared.storage.records import write_run

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.2
FORKSERVER_UNKNOWN = 255  # what multiprocessing says when nobody is left to ask, and any process may say, too
EXIT_SECONDS = 5.0
DYING_SECONDS = 1.0
RETRY_SECONDS = 0.5
FIRST_RENEWAL_SECONDS = 1.0  # so that people soon see that it moves


@dataclass(frozen=True)
class Patience:
    """How long the supervisor waits, and for what (seconds)."""

    heartbeat: float
    stop_grace: float
    stall: float


@dataclass(frozen=True)
class Finished:
    """The job ended by itself: what it returned, its last metrics, and the seconds since its last checkpoint.

    `early`: or it was told to, because it is worse than others; what it has is to be scored all the same.
    """

    result: dict[str, float]
    metrics: dict[str, float]
    seconds: float
    steps: int
    early: bool = False
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class UserFailure:
    """The user's code raised or left, `seconds` after its last checkpoint."""

    message: str
    seconds: float


@dataclass(frozen=True)
class Lost:
    """The process died or hung; nobody's code is to blame for certain."""

    why: str


@dataclass(frozen=True)
class Stopped:
    """It ended because it was told to."""

    reason: StopReason


@dataclass(frozen=True)
class Blocked:
    """It ended because the disk took no checkpoint: it can go on once that is mended."""

    why: str


@dataclass(frozen=True)
class Damaged:
    """The checkpoint that it needed cannot be read; `to` can: the run has to go on from there."""

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
    """Run `job` in a child until it ends, and return how. Raises Fenced when the lease was taken away.

    The child continues from the newest checkpoint of the run that is whole; with `newest_only` no older one will do.
    `metric` and `cost` are those of the sweep, of which the run's curve is made. Whatever happens, no process of the
    job is left when this returns.
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
        process.join(EXIT_SECONDS)  # it said its last word and is about to leave
        return ending
    finally:
        _kill_group(process)
        process.join()
        channel.connection.close()


def _open_while_renewing(
    lease: Lease, folder: RunFolder, *, patience: Patience, shutdown: Event
) -> OpenedCheckpoint | Stopped:
    """Verify the run's checkpoints, which may be large, and keep the lease meanwhile. Raises Fenced."""
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
    with contextlib.suppress(OSError):  # a log never stops a run
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
    waiting_to_commit: bool = False  # for the store to come back
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
            exited = self.process.exitcode is not None  # asked before reading: what it said last is still in the pipe
            self._listen()
            self._commit_moves()
            bound_log(self.log_file)
            if exited:
                break
            if shutdown.is_set():
                self._tell_to_stop("preempted")
            now = time.monotonic()
            if now >= self.renew_at:
                self._renew(now)
            self._lose_patience(now)
        self._commit_all_moves(shutdown)
        self._renew(time.monotonic())  # so that the last report is kept, too
        return self._ending()

    def _listen(self) -> None:
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
        """Begin at `checkpoint`, None for the start; the record falls back to it where it names a newer one."""
        run = self.lease.run
        self.steps = checkpoint.step if checkpoint else 0
        if checkpoint != run.checkpoint and run.state is RunState.TRAINING:
            log.warning("run %s: its newest checkpoint cannot be read: falls back to step %d", run.id, self.steps)
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
        # While the store is away the training goes on; its checkpoints are committed when the store is back.
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
                self._tell_to_stop("cancelled")
            case "STOP":
                self._tell_to_stop("stopped early")
            case "FENCED":
                raise Fenced(f"run {self.lease.run.id} is no longer ours: its lease was taken away")

    def _tell_to_stop(self, reason: StopReason) -> None:
        if self.stopping or self.last_words is not None:
            return
        self.stopping, self.kill_at = reason, time.monotonic() + self.patience.stop_grace
        with contextlib.suppress(OSError):
            self.channel.send(wire.STOP, reason=reason)

    def _lose_patience(self, now: float) -> None:
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
            return Lost(f"stalled: nothing reported for {self.patience.stall:g} s, killed")
        code = self.process.exitcode
        forkserver_died = code == FORKSERVER_UNKNOWN and _forkserver_dies()
        if code is not None and code >= 0 and not forkserver_died:
            return UserFailure(f"the process ended with exit code {code} before it was done", seconds)
        return Lost(_cause_of(code))


def _forkserver_dies() -> bool:
    # The kernel closes its pipe, which is what was noticed, some time before it is seen as dead.
    deadline = time.monotonic() + DYING_SECONDS
    while (lives := forkserver_lives()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not lives


def _cause_of(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "killed by signal 9: out of memory, or by hand"
    if exit_code is not None and exit_code < 0:
        return f"died of signal {signal.Signals(-exit_code).name}"
    return "its forkserver died"


def _kill_group(process: ForkServerProcess) -> None:
    if process.pid is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.exitcode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
