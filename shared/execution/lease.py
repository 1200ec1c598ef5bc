"""A claimed run in the hands of its owner: every change goes through here, and none after the lease is gone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event

from shared.domain.errors import Fenced, NotFound, Stale, StoreUnreachable
from shared.domain.progress import Progress
from shared.domain.run import Run
from shared.store.ledger import LeaseTerm, new_commit_id
from shared.store.run_store import Renewal, RunStore

log = logging.getLogger(__name__)
RETRY_SECONDS = 0.5
Move = Callable[[Run], Run]


class Lease:
    """Holds one run. `run` is the record as last committed."""

    def __init__(self, runs: RunStore, run: Run, *, lease_ms: int) -> None:
        self._runs, self._lease_ms = runs, lease_ms
        self.run = run
        self._away = False  # said once, not with each heartbeat

    def renew(self, progress: Progress | None) -> Renewal | None:
        """Extend the lease; None when the store cannot be reached: keep working, commit nothing, try again."""
        try:
            answer = self._runs.renew(self.run, lease_ms=self._lease_ms, progress=progress)
            if self._away:
                log.info("run %s: the store is back", self.run.id)
            self._away = False
            return answer
        except StoreUnreachable as reason:
            log.log(logging.DEBUG if self._away else logging.WARNING, "run %s: not renewed: %s", self.run.id, reason)
            self._away = True
            return None

    def commit(self, move: Move, *, keep: bool = False, commit_id: str | None = None) -> Run:
        """Apply `move` to the record as it stands and commit it; `keep` the lease or let it go.

        Raises Fenced when the run is somebody else's by now, StoreUnreachable when nothing answers.
        """
        commit_id = commit_id or new_commit_id()
        while True:
            after = move(self.run)
            try:
                held: LeaseTerm = self._lease_ms if keep else "drop"
                self.run = self._runs.commit(self.run, after, lease=held, commit_id=commit_id)
                return self.run
            except Stale:
                self._read_again()

    def commit_when_reachable(
        self, move: Move, *, prepare: Callable[[Run], None], give_up: Event, seconds: float
    ) -> Run:
        """Commit `move` and let the lease go, however long the store is away; not longer than `seconds` once `give_up`.

        `prepare` writes the files of the run as it will be, just before, and only while the lease is ours: who was
        frozen and robbed of the run must not write over its next owner's files.
        Raises Fenced, or StoreUnreachable when it gave up: then the lease runs out and the run goes on elsewhere.
        """
        commit_id = new_commit_id()
        told_at: float | None = None
        while True:
            try:
                # Not ours does not mean not done: the answer to an earlier try may be what was lost. The commit knows.
                answer = self.renew(None)
                if answer in ("CANCEL", "STOP"):
                    self._read_again()
                if answer in ("OK", "CANCEL", "STOP"):
                    prepare(move(self.run))
                return self.commit(move, commit_id=commit_id)
            except StoreUnreachable:
                if give_up.is_set():
                    told_at = told_at or time.monotonic()
                    if time.monotonic() - told_at > seconds:
                        raise
                time.sleep(RETRY_SECONDS)

    def _read_again(self) -> None:
        try:
            fresh, mine = self._runs.get(self.run.id), self.run.owner
        except NotFound as reason:
            raise Fenced(f"{reason}: the store has forgotten it") from None
        if fresh.owner is None or fresh.owner != mine:
            raise Fenced(f"run {self.run.id} is no longer ours: its lease was taken away")
        self.run = fresh
