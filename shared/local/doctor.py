"""Examine this machine and its store: one finding a line, each with its remedy."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pynvml

from protein_sweeps._packages import celery_path, shadows
from shared.control.compose import LOW_DISK_BYTES, compose_job, free_bytes
from shared.control.findings import Finding
from shared.control.refused import refused_by
from shared.domain.errors import SweepError
from shared.local.location import located_store
from shared.store.preflight import SLOW_SECONDS, examine_server, latency
from shared.store.server_program import find_server
from shared.store.store import Store

NO_STORE = "none runs; `sweepctl run` starts one"


def examine(data_dir: Path, redis: str | None) -> list[Finding]:
    """Return the findings about this machine, then about its store."""
    checks: list[Callable[[], Iterator[Finding]]] = [_python, examine_folder, _gpus, lambda: _disk(data_dir), _configs]
    found = [finding for check in checks for finding in check()]
    return found + list(_store(data_dir, redis))


def _python() -> Iterator[Finding]:
    yield Finding("ok", "python", f"{sys.version.split()[0]} in {sys.prefix}")
    missing = [name for name in ("torch", "gpytorch", "gymnasium", "celery") if importlib.util.find_spec(name) is None]
    if missing:
        yield Finding("fail", "packages", f"{', '.join(missing)} missing; run `pip install -c constraints.txt -e .`")
    else:
        yield Finding("ok", "packages", f"torch {version('torch')}, celery {version('celery')}")


def examine_folder() -> Iterator[Finding]:
    """Yield what hides our packages from a worker that is started by hand in the current folder."""
    here = Path.cwd()
    for shadow in shadows(celery_path(here)):
        text = f"{shadow}: the plain `celery` command does not start workers here; {shadow.remedy(here)}"
        yield Finding("warn", "folder", text)


def _gpus() -> Iterator[Finding]:
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        names = {str(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(index))) for index in range(count)}
        pynvml.nvmlShutdown()
        yield Finding("ok", "gpu", f"{count} ({', '.join(sorted(names))})")
    except pynvml.NVMLError:
        yield Finding("warn", "gpu", "none found; trainings run on the CPU")


def _disk(data_dir: Path) -> Iterator[Finding]:
    place, free = free_bytes(data_dir)
    text = f"{free / 1e9:.0f} GB free in {place}"
    if not os.access(place, os.W_OK):
        yield Finding("fail", "disk", f"{place} cannot be written to; choose another --data-dir")
    elif free < LOW_DISK_BYTES:
        yield Finding("warn", "disk", f"{text}; checkpoints may not fit")
    else:
        yield Finding("ok", "disk", text)


def _configs() -> Iterator[Finding]:
    try:
        compose_job("quick", [], config_dir=None, data_dir=None, pin=False)
        yield Finding("ok", "configs", "quick composes")
    except SweepError as error:
        yield Finding("fail", "configs", str(error))


def _store(data_dir: Path, redis: str | None) -> Iterator[Finding]:
    if not redis and not os.environ.get("REDIS_URL"):
        try:
            yield Finding("ok", "embedded", f"server program {find_server()}")
        except FileNotFoundError as error:
            yield Finding("fail", "embedded", str(error))
    try:
        with located_store(data_dir, redis_url=redis, purpose="look") as store:
            yield from examine_store(store)
            yield from _workers(store)
    except SweepError as error:
        wanted = redis or os.environ.get("REDIS_URL")
        yield Finding("fail", "store", str(error)) if wanted else Finding("warn", "store", NO_STORE)


def examine_store(store: Store) -> Iterator[Finding]:
    """Yield the findings about a server. Raises StoreUnreachable or StoreDenied."""
    store.ping()
    seconds = latency(store.client)
    answer = f"{store.place} answers in {seconds * 1000:.1f} ms"
    if seconds > SLOW_SECONDS:
        text = f"{answer}, and every heartbeat and claim waits for it; move it nearer to the workers"
        yield Finding("warn", "store", text)
    else:
        yield Finding("ok", "store", answer)
    for problem in examine_server(store.client, store.url):
        yield Finding("warn", "store", problem)


def _workers(store: Store) -> Iterator[Finding]:
    live = store.fleet.live()
    versions = {worker.version for worker in live}
    if len(versions) > 1:
        text = f"different versions: {', '.join(sorted(versions))}; install the same version everywhere"
        yield Finding("warn", "workers", text)
    for sentence in refused_by(live, store.sweeps.live()):
        yield Finding("warn", "workers", sentence)
    if live:
        services = Counter(worker.service for worker in live)
        yield Finding("ok", "workers", ", ".join(f"{count} {service}" for service, count in services.items()))
