"""The only way to change a record: one script compares, swaps, logs, and marks what is due."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import redis
from pydantic import ValidationError

from shared.domain.errors import Held, Stale
from shared.domain.events import RunMoved, SweepMoved
from shared.domain.record_events import event_of_run, event_of_sweep
from shared.domain.run import EVAL_QUEUE, ORDER, Run
from shared.domain.sweep import Sweep, SweepState
from shared.domain.wording import another_version
from shared.store import keys
from shared.store.connection import SCRIPTS, plain_errors

LeaseTerm = Literal["keep", "drop", "expired"] | int
Record = TypeVar("Record", Run, Sweep)
KEPT_COMMITS = 4
DUE_KEYS = {True: 9, False: 8}  # of commit.lua: evaluation, training


@dataclass(frozen=True)
class Change:
    """Replace `before` (None: a new record) by `after`, and set, keep or drop the lease.

    `event` is appended to the log; None: the event of the last move of `after`.
    """

    before: Run | Sweep | None
    after: Run | Sweep
    lease: LeaseTerm = "drop"
    event: RunMoved | SweepMoved | None = None

    def event_text(self) -> str:
        """Return the event as JSON, as the log has it; empty for a move of a sweep that has no name."""
        if isinstance(self.after, Sweep):
            if not self.after.last_move:
                return ""
            return json.dumps((self.event or event_of_sweep(self.after)).plain())
        before = self.before if isinstance(self.before, Run) else None
        return json.dumps((self.event or event_of_run(self.after, before)).plain(), separators=(",", ":"))


def new_commit_id() -> str:
    """Return an id for a commit, so that it can be repeated."""
    return secrets.token_hex(6)


def read_record(kind: type[Record], text: str) -> Record:
    """Return the record from `text`. Raises Unreadable if another version wrote it."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise another_version(f"a {kind.__name__.lower()} in the store", error.errors()) from None


class Ledger:
    """Commits changes to the records of one sweep: all of them or none."""

    def __init__(self, client: redis.Redis, url: str) -> None:
        self._url = url
        self._script = client.register_script((SCRIPTS / "commit.lua").read_text())

    def commit(
        self,
        sweep: str,
        changes: Sequence[Change],
        *,
        queue: str,
        only_in: Collection[SweepState] = (),
        commit_id: str | None = None,
    ) -> list[Run | Sweep]:
        """Write all changes with their events and return the records as written.

        A repeated call with the same `commit_id` changes nothing and returns the same. Raises Stale if a record changed
        since it was read, and Held if the state of the sweep is not in `only_in`.
        """
        commit_id = commit_id or new_commit_id()
        written = [
            change.after.model_copy(update={"commits": (*change.after.commits, commit_id)[-KEPT_COMMITS:]})
            for change in changes
        ]
        request = [_request(change, after) for change, after in zip(changes, written, strict=True)]
        key_list = [
            keys.sweep(sweep),
            keys.runs(sweep),
            keys.states(sweep),
            keys.events(sweep),
            keys.LEASES,
            keys.SWEEPS,
            keys.LIVE_SWEEPS,
            keys.due(queue),
            keys.due(EVAL_QUEUE),
        ]
        with plain_errors(self._url):
            answer = self._script(keys=key_list, args=[commit_id, sweep, ",".join(only_in), json.dumps(request)])
        match answer:
            case ["OK"]:
                return written
            case ["STALE", number]:
                raise Stale(f"record {number} of sweep {sweep} has changed: read it again")
            case ["HELD", state]:
                raise Held(f"sweep {sweep} is {state}: none of its runs can be claimed")
        raise AssertionError(f"commit.lua answered {answer!r}")


def _request(change: Change, written: Run | Sweep) -> dict[str, Any]:
    body = written.model_dump_json(exclude_defaults=True)
    expect = change.before.version if change.before else 0
    if isinstance(written, Sweep):
        live = "no" if written.is_finished else "yes"
        return {"number": 0, "expect": expect, "body": body, "event": change.event_text(), "live": live}
    due = 0 if written.due_queue is None else DUE_KEYS[written.due_queue == EVAL_QUEUE]
    return {
        "number": written.number,
        "expect": expect,
        "body": body,
        "event": change.event_text(),
        "ordinal": ORDER.index(written.state),
        "lease": change.lease,
        "due": due,
    }
