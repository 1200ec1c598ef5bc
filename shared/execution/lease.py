"""The lease of a claimed run: its owner commits every change through it, and none after the lease is lost."""

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
    """The right of this worker to one run. `run` is the record as last committed."""

    def __init__(self, runs: RunStore, run: Run, *, lease_ms: int) -> None:
        self._runs, self._lease_ms = runs, lease_ms
        self.run = run
        self._away = False  # logged once, not at each heartbeat

    def renew(self, progress: Progress | None) -> Renewal | None:
        """Extend the lease; None if the store cannot be reached: the caller continues and tries again later."""
        try:
            answer = self._runs.renew(self.run, lease_ms=self._lease_ms, progress=progress)
            if self._away:
                log.info("run %s: the store answers again, lease renewed", self.run.id)
            self._away = False
            return answer
        except StoreUnreachable as reason:
            log.log(
                logging.DEBUG if self._away else logging.WARNING, "run %s: lease not renewed: %s", self.run.id, reason
            )
            self._away = True
            return None

    def commit(self, move: Move, *, keep: bool = False, commit_id: str | None = None) -> Run:
        """Apply `move` to the current record and commit it; `keep` the lease or drop it.

        Raises Fenced if this worker has lost the lease, StoreUnreachable if the store does not answer.
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
        """Commit `move` and drop the lease; wait for the store as long as needed, or `seconds` after `give_up` is set.

        `prepare` writes the files of the run just before the commit, and only while the lease is ours: a worker that
        was suspended and lost its lease must not overwrite the files of the next owner.
        Raises Fenced, or StoreUnreachable after `give_up`: then the lease expires and another worker takes the run.
        """
        commit_id = new_commit_id()
        asked_at: float | None = None
        while True:
            try:
                # FENCED may mean that an earlier try succeeded and only its answer was lost. The commit finds out.
                answer = self.renew(None)
                if answer in ("CANCEL", "STOP"):
                    self._read_again()
                if answer in ("OK", "CANCEL", "STOP"):
                    prepare(move(self.run))
                return self.commit(move, commit_id=commit_id)
            except StoreUnreachable:
                if give_up.is_set():
                    asked_at = asked_at or time.monotonic()
                    if time.monotonic() - asked_at > seconds:
                        raise
                time.sleep(RETRY_SECONDS)

    def _read_again(self) -> None:
        try:
            fresh, mine = self._runs.get(self.run.id), self.run.owner
        except NotFound as reason:
            raise Fenced(f"{reason}: the store has lost its record") from None
        if fresh.owner is None or fresh.owner != mine:
            raise Fenced(f"run {self.run.id} is no longer ours: its lease was taken away")
        self.run = fresh
