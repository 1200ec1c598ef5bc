"""Sweeps: create them, change them, read their logs."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import redis

from shared.domain.errors import Conflict, NotFound, Stale
from shared.domain.events import LogEntry, parse_log
from shared.domain.record_events import submitted
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.store import keys
from shared.store.connection import SCRIPTS, plain_errors
from shared.store.ledger import Change, Ledger, read_record

PROBE = "probe"
PAGE = 2_000  # entries that the server reads in one step: other clients wait for one or two milliseconds


class Happened(NamedTuple):
    """What happened to a run, and at which position of the log."""

    position: int
    kind: str
    run: int


class SweepStore:
    """All sweeps. Every method may raise StoreUnreachable or StoreDenied."""

    def __init__(self, client: redis.Redis, url: str, ledger: Ledger) -> None:
        self._client: Any = client  # redis-py types its answers as unions of all modes
        self._url, self._ledger = url, ledger
        self._read_log = client.register_script((SCRIPTS / "read_log.lua").read_text())

    def create(
        self, sweep: Sweep, *, observations: Sequence[Mapping[str, Any]] = (), runs: Sequence[Run] = ()
    ) -> Sweep:
        """Write a new sweep with its first `runs`, if any, and return it as written.

        The log begins with the `observations` of earlier sweeps. Raises Conflict if the name is in use.
        """
        changes = [Change(None, sweep, event=submitted(sweep, observations)), *(Change(None, run) for run in runs)]
        try:
            return self._commit(sweep.name, changes, queue=sweep.queue)
        except Stale:
            raise Conflict(f"sweep {sweep.name} already exists: choose another sweep_run, or resume it") from None

    def get(self, name: str) -> Sweep:
        """Return the current record of a sweep. Raises NotFound."""
        sweep = self.find(name)
        if sweep is None:
            known = ", ".join(reversed(self.names()[-5:])) or "none"
            raise NotFound(f"no sweep {name} in this store; the latest ones: {known}")
        return sweep

    def find(self, name: str) -> Sweep | None:
        """Return the current record of a sweep, or None."""
        with plain_errors(self._url):
            text = self._client.get(keys.sweep(name))
        return read_record(Sweep, text) if text else None

    def names(self) -> list[str]:
        """Return the names of all sweeps, the newest last."""
        with plain_errors(self._url):
            return list(self._client.zrange(keys.SWEEPS, 0, -1))

    def live(self) -> list[str]:
        """Return the names of the sweeps that are not finished."""
        with plain_errors(self._url):
            return sorted(self._client.smembers(keys.LIVE_SWEEPS))

    def commit(self, before: Sweep, after: Sweep, runs: Sequence[Run | Change] = ()) -> Sweep:
        """Replace a sweep's record, and add or change `runs` in the same step.

        Raises Stale if a record changed meanwhile.
        """
        others = [run if isinstance(run, Change) else Change(None, run) for run in runs]
        return self._commit(before.name, [Change(before, after), *others], queue=before.queue)

    def events(self, name: str, *, after: int = 0, most: int = 10_000) -> list[LogEntry]:
        """Return the entries of a sweep's log after position `after`, in order. Raises Unreadable."""
        found: list[LogEntry] = []
        while len(found) < most:
            size = min(most - len(found), PAGE)
            page = self._entries(name, after, size)
            found += page
            if len(page) < size:
                break
            after = page[-1].position
        return found

    def last_event(self, name: str) -> LogEntry | None:
        """Return the newest entry of a sweep's log."""
        with plain_errors(self._url):
            rows = self._client.xrevrange(keys.events(name), count=1)
        return next(iter(_parsed(rows)), None)

    def whole_log(self, name: str) -> Iterator[LogEntry]:
        """Yield every entry of a sweep's log, read page by page. Raises Unreadable."""
        after: int | None = 0
        while after is not None:
            page = self._entries(name, after, PAGE)
            yield from page
            after = page[-1].position if len(page) == PAGE else None

    def outline(self, name: str, *, run: int | None = None) -> Iterator[Happened]:
        """Yield what happened to the runs of a sweep, or to one `run`, in order, without the details."""
        last: str = "0"
        while last:
            last, text = self._page(name, last, PAGE, "" if run is None else run, "outline")
            for position, kind, number in json.loads(text):
                yield Happened(position, kind, number)

    def events_at(self, name: str, positions: Sequence[int]) -> list[LogEntry]:
        """Return the entries of a sweep's log at these positions."""
        with plain_errors(self._url):
            pipe = self._client.pipeline(transaction=False)
            for position in positions:
                pipe.xrange(keys.events(name), min=f"{position}-0", max=f"{position}-0")
            found = pipe.execute()
        return _parsed([row for rows in found for row in rows])

    def drop_log(self, name: str) -> None:
        """Delete a sweep's log except its last entry, and the reports of its runs. Its records stay."""
        with plain_errors(self._url):
            self._client.xtrim(keys.events(name), maxlen=1, approximate=False)
            self._client.delete(keys.progress(name))

    def tracked(self) -> list[str]:
        """Return the sweeps whose tracker may not be up to date."""
        with plain_errors(self._url):
            return sorted(self._client.hkeys(keys.TRACKED))

    def tracked_position(self, name: str) -> int:
        """Return the position of a sweep's log up to which its tracker is up to date."""
        with plain_errors(self._url):
            return int(self._client.hget(keys.TRACKED, name) or 0)

    def set_tracked_position(self, name: str, position: int) -> None:
        """Record that a sweep's tracker is up to date up to `position`."""
        with plain_errors(self._url):
            self._client.hset(keys.TRACKED, name, position)

    def forget_tracked(self, name: str) -> None:
        """Record that a sweep's tracker is up to date."""
        with plain_errors(self._url):
            self._client.hdel(keys.TRACKED, name)

    def now(self) -> float:
        """Return the server's time in seconds since the epoch."""
        with plain_errors(self._url):
            seconds, micros = self._client.time()
        return float(seconds + micros / 1e6)

    def server_run_id(self) -> str:
        """Return the id of the server's process: it changes when Redis restarts."""
        with plain_errors(self._url):
            return str(self._client.info("server")["run_id"])

    def look(self) -> tuple[str, float]:
        """Return the id of the server's process and its time, as a reaper needs them.

        Raises StoreUnreachable also for a server that refuses writes (out of memory, disk full), because it refuses
        renewals, too.
        """
        with plain_errors(self._url):
            self._client.set(PROBE, "", xx=True)  # of a key that never exists: refused, or without effect
        return self.server_run_id(), self.now()

    def _entries(self, name: str, after: int, most: int) -> list[LogEntry]:
        _, text = self._page(name, after, most, "", "whole")
        with _without_collection():
            return parse_log(text)

    def _page(
        self, name: str, after: int | str, most: int, run: int | str, form: Literal["whole", "outline"]
    ) -> tuple[str, str]:
        """Return the position of the last entry of a page (empty after the end of the log), and its content as JSON."""
        with plain_errors(self._url):
            last, text = self._read_log(keys=[keys.events(name)], args=[after, most, run, form])
        return last, f"[{text}]"

    def _commit(self, name: str, changes: list[Change], *, queue: str) -> Sweep:
        written = self._ledger.commit(name, changes, queue=queue)[0]
        assert isinstance(written, Sweep)
        return written


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the garbage collector: none of the thousands of objects of a page is garbage yet."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parsed(rows: Sequence[tuple[str, Mapping[str, str]]]) -> list[LogEntry]:
    """Return the entries of a log from the rows of the server."""
    texts = [f"[{place.partition('-')[0]},{fields['at']},{fields['e']}]" for place, fields in rows]
    return parse_log(f"[{','.join(texts)}]")
