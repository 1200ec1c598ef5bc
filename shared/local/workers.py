"""The workers of one machine: started, watched, started again, and ended with the command that started them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from shared.config.settings import worker_settings
from shared.control.missing import COMMANDS
from shared.domain.errors import IllegalMove, Stale
from shared.domain.run import LEASED, lose_attempt
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
MOST_RESTARTS = 20
RESTART_SECONDS = 1.0


def take_from_the_dead(store: Store, sweep: str) -> None:
    """Take the runs of this machine's dead workers from them at once, instead of waiting for their leases.

    Their trainings died with them; a worker whose process id is in use again keeps its runs until the lease ends.
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
    """The three workers as child processes, Flower beside them if asked for. They end when this process does, in
    whatever way. `defaults` holds for what the environment does not say, `settings` instead of what it says.
    """

    url: str
    data_dir: Path
    queue: str = "gpu"
    allow: Sequence[str] = ()
    flower: bool = False
    defaults: Mapping[str, str] = field(default_factory=lambda: LOCAL_SETTINGS)
    settings: Mapping[str, str] = field(default_factory=dict)
    inherited: Sequence[int] = ()  # open files that they get
    evaluates: bool = True  # whether there is anything for an evaluator to do
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: int = 0
    started_at: float = 0.0
    grace_seconds: float = 0.0

    def __enter__(self) -> LocalWorkers:
        self.start_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    @property
    def services(self) -> tuple[str, ...]:
        """The names of all that is to run."""
        workers = [service for service in COMMANDS if self.evaluates or service != "evaluator"]
        return (*workers, FLOWER) if self.flower else tuple(workers)

    def log_file(self, service: str) -> Path:
        """Return where a worker's own log goes."""
        return self.data_dir / "logs" / f"{service}.log"

    def start_again(self) -> bool:
        """Start those that died, a few times: a machine that kills them again and again is out of order.

        Return whether one had died.
        """
        dead = [service for service, process in self.processes.items() if process.poll() is not None]
        if not dead or self.restarts >= MOST_RESTARTS or time.monotonic() - self.started_at < RESTART_SECONDS:
            return False
        self.restarts += 1
        self.start(dead[0])
        return True

    def broken(self) -> str | None:
        """Return the service that is dead for good, if any."""
        dead = [service for service, process in self.processes.items() if process.poll() is not None]
        return dead[0] if dead and self.restarts >= MOST_RESTARTS else None

    def end(self) -> list[str]:
        """Tell all workers to end, let trainings write a checkpoint, and wait. Return those that had to be killed."""
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
        """Start them all. Raises ConfigError, before any of them starts, for settings that they cannot use."""
        self.grace_seconds = worker_settings().stop_grace_seconds + END_SECONDS
        for service in self.services:
            self.start(service)

    def start(self, service: str) -> None:
        """Start a worker, or Flower; its log goes on."""
        log = self.log_file(service)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.processes[service] = subprocess.Popen(
                [sys.executable, "-m", "celery", *self._arguments(service)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(os.environ),
                pass_fds=self.inherited,
                start_new_session=True,  # Ctrl-C is for this command, which then ends them in order
            )
        self.started_at = time.monotonic()

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
            **self.settings,
            "REDIS_URL": self.url,
            "DATA_DIR": str(self.data_dir),
            "SWEEP_ALLOW": ",".join(allowed),
            "SWEEP_PARENT_PID": str(os.getpid()),
        }
