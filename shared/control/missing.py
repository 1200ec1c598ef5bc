"""Which workers a sweep still needs, and the command that starts each."""

from __future__ import annotations

from collections.abc import Sequence

from shared.control.refused import refused_everywhere
from shared.control.stores import Store
from shared.control.workers import LiveWorker
from shared.domain.run import ASK_QUEUE
from shared.domain.sweep import Sweep

COMMANDS: dict[str, tuple[str, ...]] = {
    "suggester": ("-A", "services.suggester", "worker", "-Q", "suggest,results"),
    "trainer": ("-A", "services.trainer", "worker", "-Q", "gpu"),
    "evaluator": ("-A", "services.evaluator", "worker", "-Q", "eval"),
}
"""The arguments of `celery` that start a worker of each service."""


def needed_services(*, is_evaluated: bool) -> tuple[str, ...]:
    """Return the services that the runs of a sweep need workers of."""
    return tuple(service for service in COMMANDS if is_evaluated or service != "evaluator")


def missing_workers(workers: Sequence[LiveWorker], *, queue: str, is_evaluated: bool) -> dict[str, str]:
    """Return the services that a sweep of `queue` lacks, each with the command that starts a worker of it."""
    if queue == ASK_QUEUE:  # the program that asks for the runs also makes the suggestions
        return {}
    wanted = {"suggester": "suggest", "trainer": queue, **({"evaluator": "eval"} if is_evaluated else {})}
    served = {(worker.service, queue) for worker in workers for queue in worker.queues}
    missing = [service for service, queue in wanted.items() if (service, queue) not in served]
    return {service: worker_command(service, queue) for service in missing}


def worker_command(service: str, queue: str) -> str:
    """Return the command that starts a worker of `service`; a trainer serves `queue`."""
    *start, usual = COMMANDS[service]
    return " ".join(["celery", *start, queue if service == "trainer" else usual])


def say_missing(sweep: Sweep, workers: Sequence[LiveWorker], *, private: bool) -> list[str]:
    """Return what keeps a sweep waiting: the commands that start missing workers, and why live ones refuse its runs.

    In the `private` store of a folder one sentence names all missing workers; elsewhere each has its own.
    """
    if sweep.is_finished:
        return []
    missing = missing_workers(workers, queue=sweep.queue, is_evaluated=sweep.is_evaluated)
    refused = refused_everywhere(workers, sweep)
    if private and missing:  # a worker that is started by hand would use another store
        lacks = " and no ".join(missing)
        return [f"no {lacks} is running: run `sweepctl up`, or `sweepctl run` with the same config", *refused]
    start = [f"no {service} is running: start one with `{command}`" for service, command in missing.items()]
    return [*start, *refused]


def missing_for(store: Store, sweep: Sweep) -> list[str]:
    """Return what keeps a sweep of this store waiting, as `say_missing`."""
    return say_missing(sweep, store.fleet.live(), private=store.is_private)
