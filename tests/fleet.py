"""Real workers, each `celery worker` a process of its own, against a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from shared.config.compose import compose
from shared.config.schema import SweepJob
from shared.control.audit import audit_sweep
from shared.control.missing import COMMANDS
from shared.control.submit import submit
from shared.domain.errors import StoreUnreachable
from shared.domain.events import Event, LogEntry
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.local import private_store
from shared.store.server_program import find_server
from shared.store.store import Store, open_store
from tests.logs import Kind, events_of

PATIENCE_SECONDS = 60.0
PASSWORD = "a-password-for-tests"
QUICK_SETTINGS = {
    "SWEEP_LEASE_SECONDS": "2",
    "SWEEP_HEARTBEAT_SECONDS": "0.3",
    "SWEEP_REAP_SECONDS": "0.3",
    "SWEEP_REPUBLISH_SECONDS": "1",
    "SWEEP_TICK_SECONDS": "0.2",
}


@dataclass
class Fleet:
    """A store, a data folder, and the workers that a test starts and kills."""

    store: Store
    data_dir: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *services: str, **environment: str) -> list[subprocess.Popen[bytes]]:
        """Start a worker of each service with the command that the documentation gives."""
        started: list[subprocess.Popen[bytes]] = []
        for service in services:
            log = (self.data_dir / f"{service}.{len(self.workers) + len(started)}.log").open("wb")
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / "celery"), *COMMANDS[service]],
                env={**os.environ, **QUICK_SETTINGS, "REDIS_URL": self.store.url, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            log.close()
            started.append(process)
        self.workers += started
        return started

    def submit(self, *overrides: str) -> Sweep:
        """Submit a sweep of runs that train nothing, unless the overrides say otherwise."""
        return submit(self.store, self.job(*overrides)).sweep

    def job(self, *overrides: str) -> SweepJob:
        """Compose the job of such a sweep."""
        usual = ["trainer=noop", "sim=none", "parallelism=1", "look_ahead=0"]
        return compose("quick", [*usual, *overrides], data_dir=self.data_dir).job

    def events(self, sweep: Sweep, kind: type[Kind]) -> list[Kind]:
        """Return the events of one kind in a sweep's log."""
        return events_of(self.store, kind, sweep.name)

    def entries(self, sweep: Sweep, kind: type[Event]) -> list[LogEntry]:
        """Return the entries with events of one kind in a sweep's log."""
        return [entry for entry in self.store.sweeps.events(sweep.name) if isinstance(entry.event, kind)]

    def runs(self, sweep: Sweep) -> list[Run]:
        """Return all runs of a sweep."""
        return self.store.runs.all(sweep.name)

    def wait_until(self, claim: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until `claim` holds; fail with the workers' logs if it does not in time."""
        deadline = time.monotonic() + seconds
        while not claim():
            if time.monotonic() > deadline:
                logs = "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in self.data_dir.glob("*.log"))
                pytest.fail(f"not within {seconds:g} s\n{logs}")
            time.sleep(0.05)

    def wait_until_finished(self, sweep: Sweep, *, seconds: float = PATIENCE_SECONDS) -> Sweep:
        """Wait until a sweep is finished and return it."""
        self.wait_until(lambda: self.store.sweeps.get(sweep.name).is_finished, seconds=seconds)
        return self.store.sweeps.get(sweep.name)

    def check(self, sweep: Sweep) -> None:
        """Fail unless the log of the sweep is whole and the records agree with it."""
        assert audit_sweep(self.store, sweep.name).problems == []

    def end(self) -> None:
        """Kill every worker that is left, with all its children."""
        for process in self.workers:
            if process.poll() is None:
                children = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                for child in children:
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
            process.wait()


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a real server: the embedded one or, asked by "tcp", one with a password on a TCP port."""
    with ExitStack() as stack:
        if getattr(request, "param", "embedded") == "embedded":
            yield stack.enter_context(private_store.start(tmp_path)).url
        else:
            yield stack.enter_context(tcp_server(tmp_path)).url


@pytest.fixture
def fleet(url: str, tmp_path: Path) -> Iterator[Fleet]:
    """Yield a fleet without workers."""
    store = open_store(url)
    fleet = Fleet(store, tmp_path)
    try:
        yield fleet
    finally:
        fleet.end()
        store.close()


@contextmanager
def tcp_server(folder: Path) -> Iterator[Store]:
    """Yield the store of a server on a TCP port of the loopback, with a password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--dir", str(folder)]
    command = [find_server(), *options, "--appendonly", "yes", "--save", "", "--loglevel", "warning"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    store = open_store(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    try:
        _wait_for_answer(store)
        yield store
    finally:
        store.close()
        server.terminate()
        server.wait()


def _wait_for_answer(store: Store) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            return store.ping()
        except StoreUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
