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

from shared.config.schema import CommandTrainer, FunctionTrainer, PpoTrainer, SweepJob
from shared.domain.command import program_of
from shared.domain.errors import IllegalMove, Stale
from shared.domain.run import LEASED, lose_attempt
from shared.store.store import Store

COMMANDS: dict[str, tuple[str, ...]] = {
    "suggester": ("-A", "services.suggester", "worker", "-Q", "suggest,results"),
    "trainer": ("-A", "services.trainer", "worker", "-Q", "gpu"),
    "evaluator": ("-A", "services.evaluator", "worker", "-Q", "eval"),
}
# On one machine a dead worker is noticed within seconds: nothing but this machine can fail.
LOCAL_SETTINGS = {
    "SWEEP_LEASE_SECONDS": "15",
    "SWEEP_HEARTBEAT_SECONDS": "1",
    "SWEEP_REAP_SECONDS": "1",
    "SWEEP_REPUBLISH_SECONDS": "1",
    "SWEEP_TICK_SECONDS": "0.5",
}
END_SECONDS = 30.0
MOST_RESTARTS = 20
RESTART_SECONDS = 1.0


def entry_points(job: SweepJob) -> tuple[str, ...]:
    """Return what the job makes a worker import or start: who runs it here vouches for it."""
    trainer = job.trainer
    found = [trainer.function] if isinstance(trainer, FunctionTrainer) else []
    found += [f"command:{program_of(trainer.command)}"] if isinstance(trainer, CommandTrainer) else []
    envs = [simulation.env for simulation in job.sim.simulations.values()]
    envs += [trainer.env] if isinstance(trainer, PpoTrainer) else []
    found += [f"env:{env.partition(':')[0]}" for env in envs if ":" in env]
    return tuple(dict.fromkeys(found))


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
    """The three workers as child processes. They end when this process does, in whatever way."""

    url: str
    data_dir: Path
    queue: str = "gpu"
    allow: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)  # instead of what the environment says
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: int = 0
    started_at: float = 0.0

    def __enter__(self) -> LocalWorkers:
        for service in COMMANDS:
            self._start(service)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

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
        self._start(dead[0])
        return True

    def broken(self) -> str | None:
        """Return the service that is dead for good, if any."""
        dead = [service for service, process in self.processes.items() if process.poll() is not None]
        return dead[0] if dead and self.restarts >= MOST_RESTARTS else None

    def end(self) -> None:
        """Tell all workers to end, let trainings write a checkpoint, and wait."""
        for process in self.processes.values():
            process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for process in self.processes.values():
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, service: str) -> None:
        arguments = [self.queue if part == "gpu" else part for part in COMMANDS[service]]
        log = self.log_file(service)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.processes[service] = subprocess.Popen(
                [sys.executable, "-m", "celery", *arguments, "--loglevel", "INFO", "-n", f"{service}@%h"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(os.environ),
                start_new_session=True,  # Ctrl-C is for this command, which then ends them in order
            )
        self.started_at = time.monotonic()

    def _environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        allowed = [part for part in (outer.get("SWEEP_ALLOW", ""), *self.allow) if part]
        return {
            **LOCAL_SETTINGS,
            **outer,
            **self.settings,
            "REDIS_URL": self.url,
            "DATA_DIR": str(self.data_dir),
            "SWEEP_ALLOW": ",".join(allowed),
            "SWEEP_PARENT_PID": str(os.getpid()),
        }
