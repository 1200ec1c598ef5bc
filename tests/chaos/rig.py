"""A fleet whose workers are started again during a test, and a server that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from shared.config.compose import compose
from shared.control.submit import submit
from shared.domain.errors import StoreUnreachable
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.store.server_program import find_server
from shared.store.store import Store, open_store
from tests.fleet import QUICK_SETTINGS, Fleet

SITE = Path(__file__).parent / "site"
LEASE, REAP, REPUBLISH = (float(QUICK_SETTINGS[f"SWEEP_{name}_SECONDS"]) for name in ("LEASE", "REAP", "REPUBLISH"))
T_STAR = LEASE + REAP + REPUBLISH
"""The most seconds until a run without an owner has one again, if a slot is free."""
STEPS, CHECKPOINT_EVERY = 10, 2
SPACE = """
metric: reward
parameters:
  trainer:
    a: {distribution: uniform, min: 0.0, max: 1.0}
    b: {distribution: log_normal, min: 0.001, max: 1.0, mean: 0.1, scale: 0.5}
"""


@dataclass
class Server:
    """A server on a unix socket that writes to the disk before it acknowledges; it can be killed and started again."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.folder}/redis.sock?db=0"

    def start(self) -> None:
        """Start it with the data in its folder, and wait until it answers."""
        options = ["--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--dir", str(self.folder), "--save", ""]
        command = [find_server(), *options, "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        store, deadline = open_store(self.url), time.monotonic() + 20
        while True:
            try:
                store.ping()
                return store.close()
            except StoreUnreachable:
                assert time.monotonic() < deadline, "the server does not start"
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill it with signal 9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pid(self) -> int:
        """Return its process id."""
        assert self.process is not None
        return self.process.pid


@dataclass
class Stage:
    """The server, its fleet, and the services that have to run."""

    server: Server
    fleet: Fleet
    wanted: Counter[str] = field(default_factory=Counter)
    environment: dict[str, str] = field(default_factory=dict)
    alive: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """The store of the fleet."""
        return self.fleet.store

    def submit(self, *overrides: str, step_seconds: float = 0.05, evaluated: bool = False) -> Sweep:
        """Submit a sweep of trainings that count their steps."""
        folder = self.fleet.data_dir / "configs" / "sweep"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "chaos.yaml").write_text(SPACE)
        mine = ["trainer=function", "trainer.function=chaos_training:train", f"+trainer.step_seconds={step_seconds}"]
        mine += [f"+trainer.evaluated={str(evaluated).lower()}", "max_stuck_attempts=20", "cost=steps"]
        sim = ["+sim.simulations.cartpole.env=CartPole-v1", "sim.num_episodes=1"] if evaluated else ["sim=none"]
        job = compose("chaos", [*mine, *sim, *overrides], data_dir=self.fleet.data_dir, config_dir=folder.parent).job
        return submit(self.store, job).sweep

    def keep_alive(self) -> None:
        """Start those of the wanted services that are not running."""
        self.alive = [(service, process) for service, process in self.alive if process.poll() is None]
        missing = self.wanted - Counter(service for service, _ in self.alive)
        for service in missing.elements():
            (process,) = self.fleet.start(service, **self.environment)
            self.alive.append((service, process))

    def wait_until_finished(self, sweep: Sweep, *, seconds: float) -> Sweep:
        """Keep the fleet alive until the sweep is finished."""

        def is_finished() -> bool:
            self.keep_alive()
            with suppress(StoreUnreachable):
                return self.store.sweeps.get(sweep.name).is_finished
            return False

        self.fleet.wait_until(is_finished, seconds=seconds)
        return self.store.sweeps.get(sweep.name)

    def steps_done(self, sweep: Sweep, run: Run) -> Counter[int]:
        """Return how often each step of a run was computed."""
        notes = self.fleet.data_dir / "sweep" / sweep.name / "runs" / run.id / "steps.log"
        return Counter(int(line.split()[1]) for line in notes.read_text().splitlines()) if notes.exists() else Counter()

    def redone(self, sweep: Sweep) -> int:
        """Return how many steps of a sweep were computed more than once."""
        counts = [self.steps_done(sweep, run) for run in self.fleet.runs(sweep)]
        return sum(sum(steps.values()) - len(steps) for steps in counts)


@contextmanager
def stage(folder: Path, **wanted: int) -> Iterator[Stage]:
    """Yield a stage with a running server; workers start with the first `keep_alive`."""
    (folder / "server").mkdir(exist_ok=True)
    struck = folder / "struck"
    struck.mkdir()
    server = Server(folder / "server")
    server.start()
    fleet = Fleet(open_store(server.url), folder)
    environment = {"PYTHONPATH": str(SITE), "SWEEP_ALLOW": "chaos_training.*", "CHAOS_STRUCK": str(struck)}
    try:
        yield Stage(server, fleet, Counter(wanted), environment)
    finally:
        fleet.end()
        fleet.store.close()
        server.kill()


def tree_of(process: subprocess.Popen[Any]) -> list[psutil.Process]:
    """Return a worker and all its descendants: the processes that die with its machine."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    return []


def signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each process that is still alive."""
    for process in processes:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            os.kill(process.pid, number)
