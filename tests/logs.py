"""Logs of sweeps in tests: read from a store by the kind of event, and written down as the store holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from shared.domain.events import Event, LogEntry, UnknownEvent, parse_log
from shared.store.store import Store

Kind = TypeVar("Kind", bound=Event)


def log_of(*bodies: Mapping[str, Any], first: int = 1) -> list[LogEntry]:
    """Return the log with these events, one a second, as it is read from the store."""
    rows = [[position, position * 1000, body] for position, body in enumerate(bodies, start=first)]
    return parse_log(json.dumps(rows))


def of_kind(log: Sequence[LogEntry], kind: type[Kind]) -> list[Kind]:
    """Return the events of one kind in a log."""
    return [entry.event for entry in log if isinstance(entry.event, kind)]


def events_of(store: Store, kind: type[Kind], sweep: str = "s") -> list[Kind]:
    """Return the events of one kind in the log of a sweep."""
    return of_kind(store.sweeps.events(sweep), kind)


def kinds_of(store: Store, sweep: str = "s") -> list[str]:
    """Return the kinds of the events in the log of a sweep; every one of them is known."""
    log = store.sweeps.events(sweep)
    assert not of_kind(log, UnknownEvent)
    return [entry.event.kind for entry in log]
