"""Watch a sweep: after the first look only changes are fetched, so the length of the history does not matter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shared.control.logs import newest_log
from shared.control.results import details_of
from shared.control.snapshot import Snapshot, take_snapshot
from shared.domain.errors import NotFound, StoreUnreachable
from shared.domain.progress import Progress
from shared.domain.run import EVAL_QUEUE, Run
from shared.store.store import Store

HISTORY_AT_ONCE = 1000
"""The number of runs of the history that one look reads, newest first: all are known after a few looks."""
LOG_BYTES = 2**16
"""The length of the part of a run's log that is shown: its end."""


@dataclass(frozen=True)
class Queue:
    """The runs of a queue that no worker has claimed, and the messages that no worker has read."""

    name: str
    runs: int
    messages: int


@dataclass(frozen=True)
class Focus:
    """The details of one run, as `show` prints them, and the end of its log."""

    details: dict[str, Any]
    log_file: str
    log: str


@dataclass(frozen=True)
class Picture:
    """All that a watcher shows at one moment."""

    shot: Snapshot
    runs: Sequence[Run]  # by number; the next looks add the older runs of a long history
    curves: dict[int, Progress]
    queues: tuple[Queue, ...]
    focus: Focus | None
    looked_at: float  # by this machine's clock
    is_whole: bool  # whether all of the history is among the runs


class Watch:
    """Follows one sweep. `open_store` opens its store, also after an outage, because the address may have changed."""

    def __init__(self, open_store: Callable[[], AbstractContextManager[Store]], name: str) -> None:
        self._open, self._name = open_store, name
        self._opened = ExitStack()
        self._store: Store | None = None
        self._forget()

    def look(self, *, curves_of: Iterable[int] = (), focus: int | None = None) -> Picture:
        """Return the current state of the sweep, with the curves of these runs and the details of one run.

        Raises StoreUnreachable during an outage: look again later. Raises NotFound when the sweep is gone.
        """
        try:
            store = self._store or self._opened.enter_context(self._open())
            self._store = store
            return self._look(store, curves_of, focus)
        except StoreUnreachable:
            self.close()
            raise

    def close(self) -> None:
        """Close the store."""
        self._store = None
        self._opened.close()

    def _forget(self) -> None:
        self._runs: dict[int, Run] = {}
        self._curves: dict[int, Progress] = {}
        self._position = 0  # in the log: the events up to it are known
        self._unread = -1  # runs up to this number are not read yet; -1: no look yet
        self._focus: tuple[str, int, Focus] | None = None

    def _look(self, store: Store, curves_of: Iterable[int], focus: int | None) -> Picture:
        last = store.sweeps.last_event(self._name)
        if (
            self._unread < 0 or (last.position if last else 0) < self._position
        ):  # restored, or another sweep of the same name
            self._forget()
            self._position = last.position if last else 0
            self._unread = store.sweeps.get(self._name).created
        shot = take_snapshot(store, self._name)
        changed = self._changed(store)  # read after the snapshot, so that no run is older than its counts
        newest = range(self._unread, max(self._unread - HISTORY_AT_ONCE, 0), -1)
        self._unread -= len(newest)
        for run in [*shot.unfinished, *store.runs.numbered(self._name, changed | set(newest))]:
            self._runs[run.number] = run
        self._curves = {number: curve for number, curve in self._curves.items() if number not in changed}
        wanted = [number for number in curves_of if number not in self._curves]
        self._curves |= store.runs.progress(self._name, wanted) | shot.progress
        return Picture(
            shot=shot,
            runs=[self._runs[number] for number in sorted(self._runs)],
            curves=dict(self._curves),
            queues=self._queues(store, shot),
            focus=self._focused(store, shot, focus),
            looked_at=time.time(),
            is_whole=self._unread == 0,
        )

    def _changed(self, store: Store) -> set[int]:
        """Return the numbers of the runs with events since the last look."""
        changed: set[int] = set()
        while entries := store.sweeps.events(self._name, after=self._position):
            self._position = entries[-1].position
            changed |= {entry.event.run for entry in entries if entry.event.run is not None}
        return changed

    def _queues(self, store: Store, shot: Snapshot) -> tuple[Queue, ...]:
        names = (shot.sweep.queue, EVAL_QUEUE, "results")
        return tuple(Queue(name, store.runs.waiting(name), store.runs.messages(name)) for name in names)

    def _focused(self, store: Store, shot: Snapshot, number: int | None) -> Focus | None:
        """Return the details of one run. They are made again when its record has changed; the log is read each time."""
        run = self._runs.get(number) if number is not None else None
        if run is None:
            return None
        progress = self._curves.get(run.number) or store.runs.progress(self._name, [run.number]).get(run.number)
        known = self._focus
        if known is None or known[:2] != (run.id, run.version):
            moves = store.sweeps.events_at(
                self._name, [what.position for what in store.sweeps.outline(self._name, run=run.number)]
            )
            details = details_of(run, shot.sweep, progress, moves, list(self._runs.values()))
            known = (run.id, run.version, Focus(details, "", ""))
        details = known[2].details | ({"curve": [list(p) for p in progress.curve]} if progress else {})
        self._focus = (run.id, run.version, replace(known[2], details=details))
        return replace(self._focus[2], **_end_of_log(store, run.id))


def _end_of_log(store: Store, run: str) -> dict[str, Any]:
    try:
        log: Path = newest_log(store, run)
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - LOG_BYTES, 0))
            return {"log_file": str(log), "log": file.read().decode(errors="replace")}
    except NotFound as reason:
        return {"log_file": "", "log": str(reason)}
    except OSError as error:
        return {"log_file": "", "log": f"its log cannot be read: {error.strerror}"}
