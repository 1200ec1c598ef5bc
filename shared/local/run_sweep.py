"""Run a sweep to its end on this machine: submit it, start the workers, watch."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from shared.config.schema import SweepJob
from shared.config.settings import worker_settings
from shared.control.missing import COMMANDS, needed_services
from shared.control.snapshot import Snapshot, take_snapshot
from shared.control.submit import submit
from shared.domain.errors import ConfigError
from shared.domain.sweep import SweepState
from shared.execution.given import Handover
from shared.execution.permission import allows, entry_points, misses_code
from shared.local.restarts import RestartRule
from shared.local.stack import serving_stack
from shared.local.workers import LocalWorkers, WorkerFailed, take_from_the_dead
from shared.store.connection import asks_for_no_password, masked
from shared.store.store import Store

LOOK_SECONDS = 0.25
FRESH_SECONDS = 8.0
TAKE_OVER_SECONDS = 3.0
RESTARTS = RestartRule(most_in_a_row=5)
"""A person waits for this command: it does not try for ever."""


def refuse_for_strangers(job: SweepJob, url: str, environment: Mapping[str, str]) -> None:
    """Raise ConfigError when everybody who reaches the store could make workers here import the user's code.

    The user who runs a sweep allows the code that its config names, as long as nobody else can write to the store.
    """
    named = worker_settings(environment).allow
    for entry_point in entry_points(job):
        if asks_for_no_password(url) and not allows(entry_point, named):
            raise ConfigError(
                f"{entry_point} is your own code, and Redis at {masked(url)} has no password, so that everybody who "
                f"reaches it could call this code; set a password, or allow the code with SWEEP_ALLOW={entry_point}"
            )


def refuse_without_code(job: SweepJob) -> None:
    """Raise ConfigError when code that a job names is missing here: its runs would wait forever."""
    if missing := misses_code(job):
        raise ConfigError(missing.reason, remedy=missing.remedy)


@dataclass
class LocalSweep:
    """A sweep that this process carries out, with workers of its own unless others serve it."""

    store: Store
    job: SweepJob
    data_dir: Path
    workers: LocalWorkers | None = None
    settings: Mapping[str, str] = field(default_factory=dict)  # of the workers; they override the environment
    handover: Handover | None = None  # of a function that exists in this process alone
    rule: RestartRule = RESTARTS

    def follow(self) -> Generator[Snapshot, None, None]:
        """Submit the sweep, start what is missing, and yield a snapshot several times a second until it is over.

        The workers end, in order, when the iteration does: at the end, on an error, or when it is closed.

        Raises:
            Conflict: the name belongs to another sweep.
            ConfigError: strangers could make the workers call the user's code, or the code is not here.
            WorkerFailed: a worker ended and is not started again.
        """
        refuse_for_strangers(self.job, self.store.url, os.environ)
        if self.handover is None:
            refuse_without_code(self.job)
        submitted = submit(self.store, self.job)
        name, served_at = submitted.sweep.name, -TAKE_OVER_SECONDS
        with ExitStack() as stack:
            while True:
                shot = take_snapshot(self.store, name)
                yield shot
                if shot.sweep.state in (SweepState.FINISHED, SweepState.PAUSED):
                    return
                if self.workers is None:
                    # A sweep that others serve is only watched, until those workers are gone.
                    served_at = time.monotonic() if self.is_served(existed=submitted.existed) else served_at
                    if time.monotonic() - served_at >= TAKE_OVER_SECONDS:
                        self._take_from_the_dead(name)
                        self.workers = stack.enter_context(self._new_workers())
                self._keep_alive(name)
                time.sleep(LOOK_SECONDS)

    def _new_workers(self) -> LocalWorkers:
        allow, queue = entry_points(self.job), self.job.queue
        handover = self.handover or Handover()
        return LocalWorkers(
            self.store.url,
            self.data_dir,
            queue=queue,
            allow=allow,
            settings={**self.settings, **handover.environment},
            inherited=handover.descriptors,
            evaluates=self.job.is_evaluated,
            rule=self.rule,
        )

    def _keep_alive(self, name: str) -> None:
        if self.workers is None:
            return
        now = time.monotonic()
        if self.workers.note_deaths(now):
            self._take_from_the_dead(name)
        for death in self.workers.failed():
            raise WorkerFailed(death)
        self.workers.start_due(now)

    def _take_from_the_dead(self, name: str) -> None:
        # Only a private store is certain to belong to this host alone: containers may share a host's name.
        if self.store.is_private:
            take_from_the_dead(self.store, name)

    def is_served(self, *, existed: bool) -> bool:
        """Whether `sweepctl up` serves it or, if the sweep `existed` before, other workers of all services do.

        Raises WorkerFailed when the stack of `sweepctl up` would serve it, but for a worker that cannot run.
        """
        if self.handover is not None:
            return False
        if stack := serving_stack(self.data_dir, self.store.url, self.job):
            for part in stack.parts:
                if part.name in COMMANDS and (failure := part.failure):
                    raise WorkerFailed(failure)
            return True
        if not existed:
            return False
        live = self.store.fleet.live(silent_seconds=FRESH_SECONDS)
        needed = set(needed_services(is_evaluated=self.job.is_evaluated))
        return {worker.service for worker in live if _exists(worker.host, worker.pid)} >= needed


def _exists(host: str, pid: int) -> bool:
    return host != socket.gethostname() or psutil.pid_exists(pid)
