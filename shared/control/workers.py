"""The running workers, and which of them have other code than a sweep was submitted with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.control.agreement import other_code_than_any
from shared.control.refused import refused_by
from shared.control.stores import Store
from shared.store.fleet import LiveWorker

__all__ = ["LiveWorker", "RunningWorkers", "running_workers"]


@dataclass(frozen=True)
class RunningWorkers:
    """The workers of a store. `notes` name those that refuse a sweep or have other code.

    `is_private` is true for the private store of a folder.
    """

    workers: tuple[LiveWorker, ...]
    notes: tuple[str, ...]
    is_private: bool

    def to_json(self) -> list[dict[str, Any]]:
        """Return the workers as plain data."""
        return [worker.model_dump() for worker in self.workers]


def running_workers(store: Store) -> RunningWorkers:
    """Return the workers that announced themselves recently."""
    live, sweeps = store.fleet.live(), store.sweeps.live()
    notes = (*refused_by(live, sweeps), *other_code_than_any(live, sweeps))
    return RunningWorkers(tuple(live), notes, store.is_private)
