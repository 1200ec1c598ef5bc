"""What all tests share: a real server, and runs and sweeps that are quick to write down."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import hypothesis
import pytest

import tests.threads  # noqa: F401 (first of all, since the next ones load numpy)
from shared.config.compose import compose
from shared.config.schema import SweepJob
from shared.config.settings import WorkerSettings
from shared.domain import run as moves
from shared.domain.run import Checkpoint, Failure, Prediction, Run, RunState
from shared.domain.sweep import Limits, Sweep
from shared.execution.forkserver import start_forkserver
from shared.execution.slots import Slots
from shared.execution.worker import Worker
from shared.local import daemon, private_store
from shared.queues.app import make_app
from shared.queues.lifecycle import Lifecycle
from shared.queues.notifications import Notifications
from shared.store.store import Store, open_store
from tests.browser import browser

__all__ = ["browser"]

hypothesis.settings.register_profile("untimed", deadline=None)  # how fast the machine is today is no property
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)  # of `make quicktest`
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole sweeps first, then other files with slow tests: several processes end together on short files."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.parent.name != "system"))


def pytest_sessionfinish() -> None:
    """Wait for the guardians of private servers, which end a moment after the last one who held them."""
    for guardian in daemon.started:
        guardian.wait(10)


class ARun(Protocol):
    """Builds a run of sweep `s` that has come as far as `state` by legal moves, with `changes` at the end."""

    def __call__(self, state: RunState = RunState.QUEUED, /, **changes: Any) -> Run: ...


class ASweep(Protocol):
    """Builds a sweep `s` with `changes`; `limits` may be a mapping."""

    def __call__(self, /, **changes: Any) -> Sweep: ...


class AJob(Protocol):
    """Composes the job of a sweep `s` of runs that train nothing and score themselves, unless `overrides` differ."""

    def __call__(self, *overrides: str) -> SweepJob: ...


class AWorker(Protocol):
    """Makes the worker of a service, as its process would, with settings of its own."""

    def __call__(
        self, service: str, *queues: str, slots: int = 1, gpus: tuple[str, ...] = (), **settings: Any
    ) -> Worker: ...


@pytest.fixture(scope="session")
def a_run() -> ARun:
    """Return the builder of runs."""
    return _a_run


@pytest.fixture(scope="session")
def a_sweep() -> ASweep:
    """Return the builder of sweeps."""
    return _a_sweep


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a private server that all tests share; each of them finds it empty."""
    with private_store.start(tmp_path_factory.mktemp("server")) as held:
        with_settings = open_store(held.url)
        with_settings.client.config_set("appendfsync", "no")  # what is tested here survives no power cut
        with_settings.close()
        yield held.url


class Gate:
    """The way to the server: a link to its socket, so that a test can shut it and open it again."""

    def __init__(self, folder: Path, server: str) -> None:
        self._link, self._target = folder / "redis.sock", Path(urlsplit(server).path)
        self._guard = open_store(server)
        self._guard.client.flushall()
        self.url = f"unix://{self._link}?db=0"
        self.open()

    def open(self) -> None:
        """Let connections be made."""
        self._link.symlink_to(self._target)

    def shut(self) -> None:
        """Cut all connections, and let none be made."""
        self._link.unlink()
        self._guard.client.client_kill_filter(_type="normal", skipme=True)

    def remove(self) -> None:
        """Give everything back."""
        self._guard.close()
        self._link.unlink(missing_ok=True)


@pytest.fixture
def gate(redis_url: str) -> Iterator[Gate]:
    """Yield the way to the real server, which is empty."""
    with tempfile.TemporaryDirectory(prefix="gate-", dir="/tmp") as folder:  # short: it is a socket's path
        gate = Gate(Path(folder), redis_url)
        yield gate
        gate.remove()


@pytest.fixture
def store(gate: Gate) -> Iterator[Store]:
    """Yield an empty store on the real server."""
    opened = open_store(gate.url)
    yield opened
    opened.close()


@pytest.fixture
def a_job(tmp_path: Path) -> AJob:
    """Return the builder of jobs whose data folder is the test's."""
    usual = ("trainer=noop", "sim=none", "sweep_run=s")
    return lambda *overrides: compose("quick", [*usual, *overrides], data_dir=tmp_path).job


@pytest.fixture
def a_worker(store: Store, tmp_path: Path) -> Iterator[AWorker]:
    """Return the builder of workers on the real server."""
    made: list[Worker] = []

    def make(service: str, *queues: str, slots: int = 1, gpus: tuple[str, ...] = (), **settings: Any) -> Worker:
        app = make_app(service, store.url, queues=queues, slots=slots)
        app.amqp.queues.select(queues)
        name = f"{service}-{len(made)}"
        chosen = WorkerSettings(**settings)
        places = Slots(slots, gpus)
        made.append(Worker(service, name, app, chosen, store, Notifications(app), Lifecycle(app), places, tmp_path))
        return made[-1]

    yield make
    for worker in made:
        worker.app.close()


@pytest.fixture(scope="session")
def children() -> Iterator[None]:
    """Start the forkserver, as a worker does."""
    spec = sys.modules["__main__"].__spec__
    start_forkserver([])
    yield
    sys.modules["__main__"].__spec__ = spec


def _a_sweep(**changes: Any) -> Sweep:
    limits = changes.pop("limits", {})
    usual: dict[str, Any] = {
        "version": 1,
        "name": "s",
        "goal": "maximize",
        "queue": "gpu",
        "limits": limits if isinstance(limits, Limits) else Limits(**limits),
        "config": {},
        "config_hash": "",
        "created_at": 0.0,
    }
    return Sweep(**{**usual, **changes})


def _a_run(state: RunState = RunState.QUEUED, /, **changes: Any) -> Run:
    sweep, number = changes.pop("sweep", "s"), changes.pop("number", 1)
    prediction = Prediction(source="test")
    run = moves.suggest(sweep=sweep, number=number, queue="gpu", params={"trainer.x": 0.5}, prediction=prediction)
    return _on_its_way(run, state).model_copy(update=changes)


def _on_its_way(run: Run, state: RunState) -> Run:
    if state is RunState.QUEUED:
        return run
    if state is RunState.CANCELLED:
        return moves.cancel(run)
    run = moves.claim(run, worker="w", nonce="n", at=0.0)
    if state is RunState.TRAINING:
        return run
    if state is RunState.FAILED:
        return moves.fail(run, Failure(kind="user code", message="boom"), cost=1.0)
    run = moves.keep_checkpoint(run, Checkpoint(step=10, path="10.a1", sha256="abc"), seconds=1.0)
    run = moves.finish_training(run, seconds=1.0, steps=20, metrics={})
    if state is RunState.TRAINED:
        return run
    run = moves.claim(run, worker="w", nonce="n", at=0.0)
    if state is RunState.EVALUATING:
        return run
    return moves.observe(run, score=1.0, cost=2.0, seconds=1.0, steps=20, metrics={})
