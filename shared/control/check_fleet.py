"""Check whether the live workers can carry out a job, and whether they agree with each other."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from shared.config.schema import SweepJob
from shared.config.settings import TIMING
from shared.control.agreement import list_values, workers_by_value
from shared.control.findings import Finding
from shared.control.missing import missing_workers
from shared.execution.permission import allows, entry_points
from shared.execution.source import package_code
from shared.storage.identity import Storage
from shared.store.fleet import LiveWorker

Findings = Iterator[Finding]


def examine_fleet(job: SweepJob, workers: Sequence[LiveWorker], *, here: Storage) -> Findings:
    """Yield the findings about live workers: whether there are enough, are allowed to run the code,
    have the same code and settings, and share the storage.

    `here` is the file system of this machine's data folder.
    """
    yield from _enough(job, workers)
    if not workers:
        return
    yield from _rights(job, workers)
    yield from _gpus(job, workers)
    yield from _versions(workers)
    yield from _timing(workers)
    yield from _storage(job, workers, here)


def _enough(job: SweepJob, workers: Sequence[LiveWorker]) -> Findings:
    missing = missing_workers(workers, queue=job.queue, is_evaluated=job.is_evaluated)
    for service, command in missing.items():
        yield Finding("fail", "workers", f"no {service} is running for this sweep: start one with `{command}`")
    if not missing:
        slots = sum(worker.slots for worker in _trainers(job, workers))
        yield Finding("ok", "workers", f"{len(workers)} live; {slots} slot(s) for queue {job.queue}")


def _rights(job: SweepJob, workers: Sequence[LiveWorker]) -> Findings:
    for entry_point in entry_points(job):
        shut = [worker.id for worker in _trainers(job, workers) if not allows(entry_point, worker.allow)]
        if shut:
            text = f"{entry_point} is not allowed at {' and '.join(shut)}: start with SWEEP_ALLOW={entry_point}"
            every = len(shut) == len(_trainers(job, workers))
            yield Finding("fail" if every else "warn", "rights", text)


def _gpus(job: SweepJob, workers: Sequence[LiveWorker]) -> Findings:
    trainers = _trainers(job, workers)
    most = max((len(worker.gpus) for worker in trainers), default=0)
    if trainers and job.device == "cuda" and not most:
        yield Finding(
            "fail",
            "gpu",
            "the sweep needs device=cuda, but no trainer has a GPU: start a trainer on a machine with one",
        )
    elif 0 < most < job.trainer.gpus_per_run:
        wanted = job.trainer.gpus_per_run
        yield Finding(
            "fail", "gpu", f"a run needs {wanted} GPUs, but no trainer has more than {most}: lower gpus_per_run"
        )


def _versions(workers: Sequence[LiveWorker]) -> Findings:
    here = package_code()
    found = workers_by_value(workers, lambda worker: worker.code or f"{worker.version} (sources unknown)")
    if len(found) > 1:
        yield Finding(
            "warn", "code", f"the workers have different code: {list_values(found)}: install the same code everywhere"
        )
    elif here not in found:
        yield Finding(
            "warn", "code", f"the workers have {next(iter(found))}, and this command has {here}: install the same code"
        )
    else:
        yield Finding("ok", "code", f"all workers and this command have {here}")


def _timing(workers: Sequence[LiveWorker]) -> Findings:
    differing = False
    for name in TIMING:
        found = workers_by_value(workers, _value_of(name))
        if len(found) > 1:
            differing = True
            text = f"SWEEP_{name.upper()} differs: {list_values(found)}: set the same value for all"
            yield Finding("fail" if name == "lease_seconds" else "warn", "settings", text)
    if not differing:
        yield Finding("ok", "settings", "leases, heartbeats and timers are the same for all")


def _value_of(name: str) -> Callable[[LiveWorker], str]:
    return lambda worker: f"{worker.settings[name]:g}" if name in worker.settings else ""


def _storage(job: SweepJob, workers: Sequence[LiveWorker], here: Storage) -> Findings:
    users = [worker for worker in workers if worker.service in ("trainer", "evaluator")]
    for worker in users:
        if worker.storage_fault:
            yield Finding("fail", "storage", f"{worker.id}: {worker.storage_fault}: fix it, or set another DATA_DIR")
    found = workers_by_value(users, lambda worker: worker.storage or "")
    unnamed = [worker.id for worker in users if not worker.storage and not worker.storage_fault]
    is_far = any(worker.host != socket.gethostname() for worker in users if worker.id in unnamed)
    if is_far:
        text = (
            f"{' and '.join(unnamed)} would write to {Path(job.data_dir).absolute()}, which may be another place there"
        )
        yield Finding("warn", "storage", f"{text}: set DATA_DIR to an absolute path of the shared file system")
    if len(found) > 1:
        places = "; ".join(f"{_place(ids[0], users)} of {' and '.join(ids)}" for ids in found.values())
        text = f"the workers use {len(found)} file systems: {places}: checkpoints cannot be read across them"
        yield Finding("fail", "storage", f"{text}: mount the same file system as DATA_DIR")
    elif found and here.id not in found:
        why = here.fault or f"{Path(job.data_dir).absolute()} is not on the file system of the workers"
        yield Finding("warn", "storage", f"{why}: logs, checkpoints and folders of runs cannot be read from here")
    elif found or (unnamed and not is_far):
        yield Finding("ok", "storage", f"all workers write to the file system of {Path(job.data_dir).absolute()}")


def _place(worker_id: str, workers: Sequence[LiveWorker]) -> str:
    return next(worker.data_dir for worker in workers if worker.id == worker_id)


def _trainers(job: SweepJob, workers: Sequence[LiveWorker]) -> list[LiveWorker]:
    return [worker for worker in workers if worker.service == "trainer" and job.queue in worker.queues]
