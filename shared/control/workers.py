"""The workers that run now, and which of them have other code than a sweep was submitted with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.control.agreement import other_code_than_any
from shared.control.stores import Store
from shared.store.fleet import LiveWorker

__all__ = ["LiveWorker", "RunningWorkers", "running_workers"]


@dataclass(frozen=True)
class RunningWorkers:
    """The workers of a store. `notes` name those with other code; `is_private`: the store is the one of a folder."""

    workers: tuple[LiveWorker, ...]
    notes: tuple[str, ...]
    is_private: bool

    def to_json(self) -> list[dict[str, Any]]:
        """Return the workers as plain data."""
        return [worker.model_dump() for worker in self.workers]


def running_workers(store: Store) -> RunningWorkers:
    """Return the workers that announced themselves lately."""
    live = store.fleet.live()
    return RunningWorkers(tuple(live), tuple(other_code_than_any(live, store.sweeps.live())), store.is_private)
