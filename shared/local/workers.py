"""The workers of one machine as child processes: started, watched, started again, and ended with their command."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

from shared.config.settings import worker_settings
from shared.control.missing import COMMANDS, needed_services
from shared.domain.errors import IllegalMove, Stale, SweepError
from shared.domain.run import LEASED, lose_attempt
from shared.local.exit_codes import has_reason, is_final
from shared.local.restarts import Life, RestartRule
from shared.processes.orphans import PARENT_VARIABLE
from shared.processes.start import python_command, worker_paths
from shared.store.connection import is_private
from shared.store.store import Store

# On one machine a dead worker is noticed within seconds: nothing but this machine can fail.
LOCAL_SETTINGS = {
    "SWEEP_LEASE_SECONDS": "15",
    "SWEEP_HEARTBEAT_SECONDS": "1",
    "SWEEP_REAP_SECONDS": "1",
    "SWEEP_REPUBLISH_SECONDS": "1",
    "SWEEP_TICK_SECONDS": "0.5",
}
FLOWER = "flower"
FLOWER_SETTINGS = Path(__file__).resolve().parents[2] / "flowerconfig.py"
END_SECONDS = 10.0
"""What a worker gets to end beyond the grace of its trainings."""
LOG_PREFIX: Final = re.compile(r"^\[[^]]*: (?P<level>[A-Z]+)/[^]]*\] ")  # Celery's
READ_BYTES = 65536


@dataclass(frozen=True)
class Death:
    """The end of a worker that nobody asked for."""

    service: str
    exit_code: int
    in_a_row: int
    reason: str  # the last line of its log
    log: Path
    wait: float | None  # seconds until it is started again; None: never

    @property
    def sentence(self) -> str:
        """Say what happened, without where to read more."""
        if has_reason(self.exit_code):
            return f"the {self.service} cannot run: {self.reason}"
        return f"the {self.service} ended {self.in_a_row} times in a row, the last time with: {self.reason}"


class WorkerFailed(SweepError):
    """A worker ended and is not started again. The exit code is the worker's, where it is one of ours."""

    def __init__(self, death: Death) -> None:
        self.death = death
        if has_reason(death.exit_code):
            self.exit_code = death.exit_code
        super().__init__(f"{death.sentence}; see {death.log}")


def take_from_the_dead(store: Store, sweep: str) -> None:
    """Put the runs of this machine's dead workers back into the queue at once, before their leases expire.

    Their trainings died with them. A worker whose process id is in use again keeps its runs until the lease expires.
    """
    max_stuck = store.sweeps.get(sweep).limits.max_stuck_attempts
    for run in store.runs.in_states(sweep, LEASED):
        _, _, place = (run.owner.worker if run.owner else "").partition("@")
        host, _, pid = place.rpartition(":")
        if host == socket.gethostname() and pid.isdecimal() and not psutil.pid_exists(int(pid)):
            with suppress(Stale, IllegalMove):
                store.runs.commit(run, lose_attempt(run, "its worker died", max_stuck=max_stuck))


@dataclass
class LocalWorkers:
    """The three workers as child processes, and Flower if asked for. They end when this process ends, in whatever way.

    Attributes:
        url: The store.
        data_dir: Their data folder; their logs are below it.
        queue: What the trainer serves.
        allow: The user's code that they may call, beside what SWEEP_ALLOW names.
        flower: Whether Flower runs, too.
        defaults: Settings that the environment overrides.
        settings: Settings that override the environment.
        inherited: Open file descriptors that they get.
        evaluates: Whether there is anything for an evaluator to do.
        rule: When a worker that ended is started again.
        lives: How often each has ended.
        processes: The process of each, also when it has ended.
    """

    url: str
    data_dir: Path
    queue: str = "gpu"
    allow: Sequence[str] = ()
    flower: bool = False
    defaults: Mapping[str, str] = field(default_factory=lambda: LOCAL_SETTINGS)
    settings: Mapping[str, str] = field(default_factory=dict)
    inherited: Sequence[int] = ()
    evaluates: bool = True
    rule: RestartRule = field(default_factory=RestartRule)
    lives: dict[str, Life] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    deaths: dict[str, Death] = field(default_factory=dict)
    grace_seconds: float = 0.0
    _log_starts: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> LocalWorkers:
        self.start_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    @property
    def services(self) -> tuple[str, ...]:
        """The names of all that are to run."""
        workers = needed_services(is_evaluated=self.evaluates)
        return (*workers, FLOWER) if self.flower else tuple(workers)

    def log_file(self, service: str) -> Path:
        """Return where a worker's own log goes."""
        return self.data_dir / "logs" / f"{service}.log"

    def note_deaths(self, now: float) -> list[Death]:
        """Return the workers that have ended since the last call, and decide when each is started again."""
        ended = {service: self.processes[service].poll() for service, life in self.lives.items() if life.runs}
        return [self._note_death(service, code, now) for service, code in ended.items() if code is not None]

    def start_due(self, now: float) -> list[str]:
        """Start the workers whose time to be started again has come, and return their names."""
        due = [service for service, life in self.lives.items() if life.is_due(now)]
        for service in due:
            self.start(service)
        return due

    def failed(self) -> list[Death]:
        """Return the deaths of the workers that are never started again."""
        return [self.deaths[service] for service, life in self.lives.items() if life.is_over]

    def _note_death(self, service: str, exit_code: int, now: float) -> Death:
        life = self.lives[service]
        wait = life.die(now, for_good=is_final(exit_code, private_store=is_private(self.url)))
        reason = last_words(self.log_file(service), since=self._log_starts[service], service=service)
        self.deaths[service] = Death(service, exit_code, life.in_a_row, reason, self.log_file(service), wait)
        return self.deaths[service]

    def end(self) -> list[str]:
        """End all workers: trainings may write a checkpoint first. Return the workers that had to be killed."""
        for process in self.processes.values():
            process.terminate()
        deadline = time.monotonic() + self.grace_seconds
        killed = []
        for service, process in self.processes.items():
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                killed.append(service)
                process.kill()
                process.wait()
        return killed

    def start_all(self) -> None:
        """Start them all. Raises ConfigError, before any of them starts, when they cannot use their settings."""
        self.grace_seconds = worker_settings().stop_grace_seconds + END_SECONDS
        for service in self.services:
            self.start(service)

    def start(self, service: str) -> None:
        """Start a worker, or Flower. Its log is continued."""
        log = self.log_file(service)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._log_starts[service] = output.tell()
            self.processes[service] = subprocess.Popen(
                python_command("shared.queues.worker_process", *self._arguments(service)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(os.environ),
                pass_fds=self.inherited,
                start_new_session=True,  # Ctrl-C is meant for this command, which then ends them in order
            )
        self.lives.setdefault(service, Life(self.rule)).start(time.monotonic())

    def _arguments(self, service: str) -> list[str]:
        if service == FLOWER:
            return ["-A", "services.trainer", "flower", f"--conf={FLOWER_SETTINGS}"]
        queues = [self.queue if part == "gpu" else part for part in COMMANDS[service]]
        return [*queues, "--loglevel", "INFO", "-n", f"{service}@%h"]

    def _environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        allowed = [part for part in (outer.get("SWEEP_ALLOW", ""), *self.allow) if part]
        return {
            **self.defaults,
            **outer,
            **worker_paths(outer, Path.cwd()),
            **self.settings,
            "REDIS_URL": self.url,
            "DATA_DIR": str(self.data_dir),
            "SWEEP_ALLOW": ",".join(allowed),
            PARENT_VARIABLE: str(os.getpid()),
        }


def last_words(log: Path, *, since: int, service: str) -> str:
    """Return why a worker ended: the last critical line of its log, else the last line. Older lines end at `since`."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - READ_BYTES))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    critical = [line for line in lines if (found := LOG_PREFIX.match(line)) and found["level"] == "CRITICAL"]
    if not lines:
        return "it gave no reason"
    return LOG_PREFIX.sub("", (critical or lines)[-1]).strip().removeprefix(f"{service}: ")
