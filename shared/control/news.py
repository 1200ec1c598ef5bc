"""What ended in a sweep since the last call: for output that is printed line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.control.stores import Store
from shared.domain.events import RunCancelled, RunFailed, RunLost, RunObserved, RunRetried
from shared.domain.run import Run, run_id


@dataclass(frozen=True)
class FinishedRun:
    """A run that is over, as its record is now. `over` counts the runs that are over, this one included."""

    run: Run
    over: int


@dataclass(frozen=True)
class LostAttempt:
    """An attempt whose worker died."""

    run: str
    why: str


class News:
    """Reads the log of a sweep piece by piece."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._position = self._over = 0

    def read(self) -> Iterator[FinishedRun | LostAttempt]:
        """Yield what ended since the last call; the first call starts at the beginning of the sweep."""
        while entries := self._store.sweeps.events(self._name, after=self._position):
            for entry in entries:
                self._position = entry.position
                match entry.event:
                    case RunObserved(run=number) | RunFailed(run=number) | RunCancelled(run=number):
                        self._over += 1
                        yield FinishedRun(self._store.runs.get(run_id(self._name, number)), self._over)
                    case RunRetried():
                        self._over -= 1
                    case RunLost(run=number, why=why):
                        yield LostAttempt(run_id(self._name, number), why or "unknown")
