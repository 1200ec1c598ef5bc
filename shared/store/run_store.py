"""Runs: read them, change them, renew their leases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import redis

from shared.domain.errors import Held, NotFound
from shared.domain.progress import Progress
from shared.domain.run import ORDER, Run, RunState, sweep_of
from shared.domain.sweep import SweepState
from shared.store import keys
from shared.store.connection import SCRIPTS, plain_errors
from shared.store.ledger import Change, LeaseTerm, Ledger, read_record

MOST_DUE = 32
Renewal = Literal["OK", "CANCEL", "STOP", "FENCED"]


@dataclass(frozen=True)
class DueRun:
    """A run that waits for a worker, and since when (ms, by the server's clock)."""

    id: str
    since_ms: float


class RunStore:
    """The runs of all sweeps. Every method may raise StoreUnreachable or StoreDenied."""

    def __init__(self, client: redis.Redis, url: str, ledger: Ledger) -> None:
        self._client: Any = client  # redis-py types its answers as unions of all modes
        self._url, self._ledger = url, ledger
        self._renew = client.register_script((SCRIPTS / "renew.lua").read_text())
        self._mark_due = client.register_script((SCRIPTS / "mark_due.lua").read_text())

    def get(self, run_id: str) -> Run:
        """Return the current record of a run. Raises NotFound."""
        try:
            sweep, number = sweep_of(run_id)
        except ValueError as error:
            raise NotFound(str(error)) from None
        with plain_errors(self._url):
            text = self._client.hget(keys.runs(sweep), str(number))
        if text is None:
            raise NotFound(f"no run {run_id} in the store: see `sweepctl runs`")
        return read_record(Run, text)

    def all(self, sweep: str) -> list[Run]:
        """Return every run of a sweep, by number."""
        with plain_errors(self._url):
            texts = self._client.hvals(keys.runs(sweep))
        return sorted((read_record(Run, text) for text in texts), key=lambda run: run.number)

    def numbered(self, sweep: str, numbers: Iterable[int]) -> list[Run]:
        """Return the runs of a sweep with these numbers, by number, if they exist."""
        wanted = sorted(set(numbers))
        if not wanted:
            return []
        with plain_errors(self._url):
            texts = self._client.hmget(keys.runs(sweep), wanted)
        return [read_record(Run, text) for text in texts if text]

    def numbers_in(self, sweep: str, states: Iterable[RunState]) -> list[int]:
        """Return the numbers of the runs of a sweep that are in one of `states`, in order."""
        with plain_errors(self._url):
            pipe = self._client.pipeline(transaction=False)
            for state in set(states):
                pipe.zrangebyscore(keys.states(sweep), ORDER.index(state), ORDER.index(state))
            return sorted(int(number) for group in pipe.execute() for number in group)

    def in_states(self, sweep: str, states: Iterable[RunState]) -> list[Run]:
        """Return the runs of a sweep that are in one of `states`, by number."""
        wanted = set(states)
        runs = self.numbered(sweep, self.numbers_in(sweep, wanted))
        return [run for run in runs if run.state in wanted]  # a run may have changed its state between the two reads

    def counts(self, sweep: str) -> dict[RunState, int]:
        """Return how many runs of a sweep are in each state."""
        with plain_errors(self._url):
            pipe = self._client.pipeline(transaction=False)
            for ordinal in range(len(ORDER)):
                pipe.zcount(keys.states(sweep), ordinal, ordinal)
            return dict(zip(ORDER, pipe.execute(), strict=True))

    def commit(
        self,
        before: Run,
        after: Run,
        *,
        lease: LeaseTerm = "drop",
        only_in: Iterable[SweepState] = (),
        commit_id: str | None = None,
    ) -> Run:
        """Replace `before` by `after` and return it as written.

        `lease`: its length in milliseconds, "keep", "drop", or "expired" (drop it only if it has expired).
        Raises Stale if the record changed meanwhile, and Held if the state of the sweep is not in `only_in`.
        """
        change = Change(before, after, lease)
        (written,) = self._ledger.commit(
            before.sweep, [change], queue=before.queue, only_in=tuple(only_in), commit_id=commit_id
        )
        assert isinstance(written, Run)
        return written

    def claim(self, before: Run, after: Run, *, lease_ms: int) -> Run:
        """Commit a claim. Raises Stale, and Held if the sweep is paused or finished."""
        try:
            return self.commit(before, after, lease=lease_ms, only_in=(SweepState.RUNNING, SweepState.STOPPING))
        except Held:
            self.unmark_due(before)
            raise

    def renew(self, run: Run, *, lease_ms: int, progress: Progress | None = None) -> Renewal:
        """Extend the lease of `run` if its owner still holds it, and store its progress."""
        if run.owner is None:
            return "FENCED"
        text = progress.model_dump_json(exclude_defaults=True) if progress else ""
        key_list = [keys.runs(run.sweep), keys.LEASES, keys.progress(run.sweep)]
        with plain_errors(self._url):
            answer: Renewal = self._renew(
                keys=key_list,
                args=[run.number, run.id, run.owner.token, run.owner.nonce, lease_ms, text],
            )
        return answer

    def progress(self, sweep: str, numbers: Iterable[int]) -> dict[int, Progress]:
        """Return the last reports of these runs, if they reported."""
        wanted = [str(number) for number in numbers]
        if not wanted:
            return {}
        with plain_errors(self._url):
            texts = self._client.hmget(keys.progress(sweep), wanted)
        pairs = zip(wanted, texts, strict=True)
        return {int(number): Progress.model_validate_json(text) for number, text in pairs if text}

    def keep_progress(self, sweep: str, reported: Mapping[int, Progress]) -> None:
        """Store reports that runs made in another sweep, by their number in this one."""
        texts = {str(number): one.model_dump_json(exclude_defaults=True) for number, one in reported.items()}
        if texts:
            with plain_errors(self._url):
                self._client.hset(keys.progress(sweep), mapping=texts)

    def due(self, queue: str, *, most: int = MOST_DUE) -> list[DueRun]:
        """Return the runs that wait for a worker of `queue`, the oldest first."""
        with plain_errors(self._url):
            pairs = self._client.zrange(keys.due(queue), 0, most - 1, withscores=True)
        return [DueRun(run, since) for run, since in pairs]

    def mark_due(self, run: Run) -> None:
        """Put a waiting run back into the due set, for example after a pause."""
        self._mark(run, "in")

    def unmark_due(self, run: Run) -> None:
        """Take a run out of the due set: it cannot be claimed now."""
        self._mark(run, "out")

    def waiting(self, queue: str) -> int:
        """Return how many runs of all sweeps wait for a worker of `queue`."""
        with plain_errors(self._url):
            return int(self._client.zcard(keys.due(queue)))

    def messages(self, queue: str) -> int:
        """Return how many notifications wait in a queue."""
        with plain_errors(self._url):
            return int(self._client.llen(queue))

    def expired(self, *, most: int = 100) -> list[str]:
        """Return the ids of runs whose lease has expired, the oldest first."""
        with plain_errors(self._url):
            return list(self._client.zrangebyscore(keys.LEASES, "-inf", self._now_ms(), start=0, num=most))

    def leased(self) -> set[str]:
        """Return the ids of all runs with a lease, even an expired one."""
        with plain_errors(self._url):
            return set(self._client.zrange(keys.LEASES, 0, -1))

    def _mark(self, run: Run, side: Literal["in", "out"]) -> None:
        # Only as it was read: a run that was claimed meanwhile would stay due for ever.
        if run.due_queue:
            with plain_errors(self._url):
                self._mark_due(
                    keys=[keys.runs(run.sweep), keys.due(run.due_queue)], args=[run.number, run.id, run.version, side]
                )

    def _now_ms(self) -> int:
        seconds, micros = self._client.time()
        return int(seconds * 1000 + micros // 1000)
