"""One worker process: its store, its slots, its entry in the fleet, its start and its end."""

from __future__ import annotations

import importlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from celery import Celery

from protein_sweeps._packages import OF_WORKERS, ROOT, Shadow
from shared.config.settings import WorkerSettings, data_dir, worker_settings
from shared.domain.errors import ConfigError, StoreUnreachable, SweepError
from shared.execution.environment import warm_up
from shared.execution.refusals import Refusals
from shared.execution.slots import Slots, visible_gpus
from shared.execution.source import CodeComparison, package_code, package_version
from shared.processes.orphans import end_with_launcher
from shared.queues.app import make_app, served_queues
from shared.queues.flower import refuse_open_flower
from shared.queues.lifecycle import Lifecycle
from shared.queues.notifications import Notifications
from shared.queues.watchdog import watch_queues
from shared.storage.identity import Storage, identify
from shared.store.connection import exposure
from shared.store.fleet import LiveWorker
from shared.store.store import Store, open_store

log = logging.getLogger(__name__)
ANNOUNCE_SECONDS = 2.0
Join = Callable[[Path], AbstractContextManager[str]]
"""Returns the URL of the store for a data folder, as a context in which the store keeps running."""


@dataclass(frozen=True)
class Worker:
    """What the use cases of a service need; a process has one."""

    service: str
    id: str
    app: Celery
    settings: WorkerSettings
    store: Store
    notifications: Notifications
    lifecycle: Lifecycle
    slots: Slots
    data_dir: Path
    storage: Storage = field(default_factory=Storage)
    code: CodeComparison = field(default_factory=CodeComparison)
    refusals: Refusals = field(default_factory=Refusals)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that this worker was started with."""
        return served_queues(self.app)

    def waiting(self) -> int:
        """Return how many messages are in its queues."""
        return sum(self.store.runs.messages(queue) for queue in self.queues)

    def announce(self) -> None:
        """Write to the fleet that this worker is alive, and which runs it holds. Raises StoreReplaced."""
        self.store.fleet.announce(
            LiveWorker(
                id=self.id,
                service=self.service,
                host=socket.gethostname(),
                pid=os.getpid(),
                queues=self.queues,
                slots=self.slots.count,
                busy=self.slots.busy,
                gpus=self.slots.gpus,
                version=package_version(),
                code=package_code(),
                differs=self.code.differences,
                data_dir=str(self.data_dir.absolute()) if self.storage.id or self.storage.fault else "",
                storage=self.storage.id,
                storage_fault=self.storage.fault,
                settings=self.settings.timing,
                allow=self.settings.allow,
                refusals=self.refusals.latest(),
            )
        )

    def sign_off(self) -> None:
        """Remove this worker from the fleet."""
        try:
            self.store.fleet.sign_off(self.id)
        except SweepError as reason:
            log.info("could not sign off: %s", reason)


def make_worker(service: str, *, queues: Sequence[str], join: Join, slots: int | None = None) -> Worker:
    """Return the worker of this process, from its environment. End the process with one line if that is invalid.

    Args:
        service: Its name: `trainer`, for example.
        queues: The queues that it may serve; the first one is the default.
        join: Finds the store, from the data folder.
        slots: Runs at once; None: as the environment says, else as many as this machine has room for.
    """
    end_with_launcher()  # here, because Flower has no life cycle of ours
    try:
        refuse_shadows()
        refuse_open_flower(sys.argv, Path.cwd())
        settings, folder = worker_settings(), data_dir()
        with join(folder) as url:
            places = Slots(slots or settings.slots, visible_gpus())
            app = make_app(service, url, queues=queues, slots=places.count)
            store = open_store(url)
            if warning := exposure(url):
                print(f"{service}: WARNING: {warning}", file=sys.stderr)
            _greet(store)
    except SweepError as error:
        print(f"{service}: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    # Celery has the working folder on its path only while it loads the app; the user's code may be there.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    for ours in ("services", "shared"):  # Celery's default level hides INFO, which reports what happens to runs
        logging.getLogger(ours).setLevel(logging.INFO)
    name = f"{service}@{socket.gethostname()}:{os.getpid()}"
    # A relative folder is not the worker's own: it writes to the folder of the submit (`folders.runs_root`).
    storage = identify(folder) if folder.is_absolute() else Storage()
    worker = Worker(service, name, app, settings, store, Notifications(app), Lifecycle(app), places, folder, storage)
    worker.lifecycle.at_start(lambda: warm_up(places.gpus))
    worker.lifecycle.every(ANNOUNCE_SECONDS, worker.announce)
    worker.lifecycle.at_end(worker.sign_off)
    watch_queues(worker.lifecycle, worker.waiting, slots=places.count, seconds=settings.watchdog_seconds)
    return worker


def _greet(store: Store) -> None:
    """Raise StoreDenied for a wrong password; report a store that does not answer: Celery waits for it."""
    try:
        store.ping()
    except StoreUnreachable as reason:
        print(f"waiting for the store: {reason}", file=sys.stderr)


def refuse_shadows() -> None:
    """Raise ConfigError if this process has imported a user's package instead of ours.

    With an editable install our modules can still be found below it, so this code may run even then.
    """
    for name in OF_WORKERS:
        folder = Path(next(iter(importlib.import_module(name).__path__))).resolve().parent
        if folder != ROOT:
            shadow = Shadow(folder, (name,))
            raise ConfigError(f"{shadow}; {shadow.remedy(Path.cwd())}")
