"""Sweeps: create them, change them, follow their logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import redis

from shared.domain.errors import Conflict, NotFound, Stale
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.store import keys
from shared.store.connection import SCRIPTS, plain_errors
from shared.store.ledger import Change, Ledger, read_record

PROBE = "probe"
PAGE = 2_000  # entries that the server looks at in one step: others wait for a millisecond or two


@dataclass(frozen=True)
class Event:
    """One entry of a sweep's log: its number from 1, the server's time (ms), and what happened."""

    position: int
    at_ms: int
    body: dict[str, Any]


class Happened(NamedTuple):
    """What happened to a run, and where in the sweep's log."""

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

        The log begins with what it knows from earlier ones. Raises Conflict when the name is taken.
        """
        detail: dict[str, Any] = {"observations": list(observations)} if observations else {}
        detail |= {"memory": sweep.memory} if sweep.memory else {}
        changes = [Change(None, sweep, detail=detail), *(Change(None, run) for run in runs)]
        try:
            return self._commit(sweep.name, changes, queue=sweep.queue)
        except Stale:
            raise Conflict(f"sweep {sweep.name} exists already: choose another sweep_run, or resume it") from None

    def get(self, name: str) -> Sweep:
        """Return a sweep as it stands now. Raises NotFound."""
        sweep = self.find(name)
        if sweep is None:
            known = ", ".join(reversed(self.names()[-5:])) or "none"
            raise NotFound(f"no sweep {name} in this store; the latest ones: {known}")
        return sweep

    def find(self, name: str) -> Sweep | None:
        """Return a sweep as it stands now, or None."""
        with plain_errors(self._url):
            text = self._client.get(keys.sweep(name))
        return read_record(Sweep, text) if text else None

    def names(self) -> list[str]:
        """Return the names of all sweeps, the latest last."""
        with plain_errors(self._url):
            return list(self._client.zrange(keys.SWEEPS, 0, -1))

    def live(self) -> list[str]:
        """Return the names of the sweeps that are not finished."""
        with plain_errors(self._url):
            return sorted(self._client.smembers(keys.LIVE_SWEEPS))

    def commit(
        self,
        before: Sweep,
        after: Sweep,
        new_runs: Sequence[tuple[Run, Mapping[str, Any]]] = (),
        *,
        moved_runs: Sequence[Change] = (),
    ) -> Sweep:
        """Replace a sweep's record, and add runs, each with a detail for the log, or move them, in the same step.

        Raises Stale if somebody else came first.
        """
        added = [Change(None, run, detail=detail) for run, detail in new_runs]
        return self._commit(before.name, [Change(before, after), *added, *moved_runs], queue=before.queue)

    def events(self, name: str, *, after: int = 0, most: int = 10_000) -> list[Event]:
        """Return the entries of a sweep's log behind position `after`, in order."""
        with plain_errors(self._url):
            rows = self._client.xrange(keys.events(name), min=f"({after}-0", max="+", count=most)
        return [_event(row, body) for row, body in rows]

    def last_event(self, name: str) -> Event | None:
        """Return the newest entry of a sweep's log."""
        with plain_errors(self._url):
            rows = self._client.xrevrange(keys.events(name), count=1)
        return _event(*rows[0]) if rows else None

    def whole_log(self, name: str) -> Iterator[Event]:
        """Yield every entry of a sweep's log, read page by page."""
        for position, at_ms, body in self._log(name, "whole"):
            yield Event(position, at_ms, body)

    def outline(self, name: str, *, run: int | None = None) -> Iterator[Happened]:
        """Yield what happened to the runs of a sweep, or to one `run`, in order; the details stay on the server."""
        for position, kind, number in self._log(name, "outline", run="" if run is None else run):
            yield Happened(position, kind, number)

    def events_at(self, name: str, positions: Sequence[int]) -> list[Event]:
        """Return the entries of a sweep's log at these positions."""
        with plain_errors(self._url):
            pipe = self._client.pipeline(transaction=False)
            for position in positions:
                pipe.xrange(keys.events(name), min=f"{position}-0", max=f"{position}-0")
            found = pipe.execute()
        return [_event(row, body) for rows in found for row, body in rows]

    def drop_log(self, name: str) -> None:
        """Delete a sweep's log but for its last entry, and what its runs reported. Its records stay."""
        with plain_errors(self._url):
            self._client.xtrim(keys.events(name), maxlen=1, approximate=False)
            self._client.delete(keys.progress(name))

    def tracked(self) -> list[str]:
        """Return the sweeps whose tracker may not have been told everything yet."""
        with plain_errors(self._url):
            return sorted(self._client.hkeys(keys.TRACKED))

    def tracked_position(self, name: str) -> int:
        """Return the position of a sweep's log up to which its tracker was told."""
        with plain_errors(self._url):
            return int(self._client.hget(keys.TRACKED, name) or 0)

    def set_tracked_position(self, name: str, position: int) -> None:
        """Note that a sweep's tracker was told everything up to `position`."""
        with plain_errors(self._url):
            self._client.hset(keys.TRACKED, name, position)

    def forget_tracked(self, name: str) -> None:
        """Note that a sweep's tracker was told everything."""
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

        Raises StoreUnreachable also for a server that takes no writes (out of memory, disk full): it takes no
        renewal either.
        """
        with plain_errors(self._url):
            self._client.set(PROBE, "", xx=True)  # of a key that is never there: refused, or without an effect
        return self.server_run_id(), self.now()

    def _log(self, name: str, form: Literal["whole", "outline"], *, run: int | str = "") -> Iterator[list[Any]]:
        position = "0"
        while position:
            with plain_errors(self._url):
                position, text = self._read_log(keys=[keys.events(name)], args=[position, PAGE, run, form])
            yield from json.loads(f"[{text}]")

    def _commit(self, name: str, changes: list[Change], *, queue: str) -> Sweep:
        written = self._ledger.commit(name, changes, queue=queue)[0]
        assert isinstance(written, Sweep)
        return written


def _event(row: str, body: Mapping[str, str]) -> Event:
    return Event(int(row.partition("-")[0]), int(body["at"]), json.loads(body["e"]))
