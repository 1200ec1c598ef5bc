"""See what a sweep needs next: take in what happened, pause or finish it, or suggest what there is room for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from services.suggester.follower import Follower, follow
from services.suggester.protein import Suggestion
from shared.domain.configuration import best_first
from shared.domain.errors import ConfigError, IllegalMove, NotFound, Stale, Unreadable
from shared.domain.events import require_readable
from shared.domain.record_events import suggested
from shared.domain.run import ASK_QUEUE, FINISHED, UNFINISHED, Prediction, Run, RunState, cancel, suggest
from shared.domain.sweep import Sweep, cuts_short, expected_cost, how_many_to_start, settle
from shared.domain.totals import absorb
from shared.queues.notifications import Notifications
from shared.store.ledger import Change
from shared.store.store import Store

log = logging.getLogger(__name__)
ENQUEUED = "enqueued"
MOST_AT_ONCE = 100
"""Runs in one commit: the script keeps everybody else waiting."""


class Suggester:
    """Advances sweeps. Several may run at once, here and elsewhere: the commit lets one of them through."""

    def __init__(self, store: Store, notifications: Notifications) -> None:
        self._store, self._notifications = store, notifications
        self._followers: dict[str, Follower] = {}
        self._left: dict[str, str] = {}  # sweeps that this suggester cannot serve, and why
        self._lock = threading.Lock()  # a follower is fed by one thread at a time

    def advance_all(self) -> None:
        """Advance every sweep that is not finished."""
        live = self._store.sweeps.live()
        for name in live:
            self.advance(name)
        for name in {*self._followers, *self._left} - set(live):
            self._followers.pop(name, None)
            self._left.pop(name, None)

    def advance(self, name: str, *, suggests: bool = True) -> None:
        """Do for one sweep whatever there is to do now, but for suggestions unless it `suggests`.

        Called twice, the second call finds nothing.
        """
        with self._lock:
            try:
                self._advance(name, suggests=suggests)
            except (NotFound, Stale, IllegalMove) as reason:
                log.info("sweep %s: left for the next time: %s", name, reason)
            except (ConfigError, Unreadable) as reason:  # of another version, or a package is missing here
                if self._left.get(name) != str(reason):
                    log.warning("cannot serve sweep %s here: %s", name, reason)
                self._left[name] = str(reason)

    def _advance(self, name: str, *, suggests: bool) -> None:
        sweep = self._store.sweeps.get(name)
        if sweep.is_finished:
            return
        follower = self._followers.get(name) or self._followers.setdefault(name, follow(sweep))
        # Counted first: a run that is over by then is in the log that is read afterwards, and so in the totals.
        counts, now = self._store.runs.counts(name), self._store.sweeps.now()
        in_flight = self._in_flight(sweep)
        seen = self._catch_up(sweep, follower)
        unfinished = sum(n for state, n in counts.items() if state not in FINISHED)
        settled = settle(seen, unfinished=unfinished, now=now)
        if settled.version != sweep.version:
            self._store.sweeps.commit(sweep, settled)
            log.info("sweep %s is %s: %s", name, settled.state, settled.reason)
            return
        if cuts_short(seen, now=now):
            self._cancel_queued(name)
        slots, expected = self._slots(sweep, counts), expected_cost(seen, in_flight)
        wanted = how_many_to_start(seen, counts, live_slots=slots, now=now, in_flight_cost=expected)
        wanted = min(wanted, MOST_AT_ONCE) if suggests else 0
        if wanted:
            self._suggest(sweep, seen, follower, wanted)
        elif seen.model_copy(update={"seen": sweep.seen}) != sweep:  # the position alone is not worth a write
            self._store.sweeps.commit(sweep, seen.move(""))

    def _slots(self, sweep: Sweep, counts: Mapping[RunState, int]) -> int:
        """How many trainings could run at once. A program that asks for runs always has room for one more."""
        if sweep.queue == ASK_QUEUE:
            return counts.get(RunState.TRAINING, 0) + 1
        return self._store.fleet.live_slots(sweep.queue)

    def _catch_up(self, sweep: Sweep, follower: Follower) -> Sweep:
        """Feed the follower and return the sweep with its totals up to date."""
        seen = sweep
        while entries := self._store.sweeps.events(sweep.name, after=min(follower.position, seen.seen)):
            for entry in entries:
                if entry.position > follower.position:
                    follower.take(entry)
                if entry.position > seen.seen:
                    require_readable(entry)
                    seen = absorb(seen, entry.event, position=entry.position)
        if seen.observed == sweep.observed:
            return seen
        (leader, *_) = best_first(follower.outcomes, goal=sweep.goal, memory=sweep.memory)
        return seen.model_copy(update={"leader": leader})

    def _in_flight(self, sweep: Sweep) -> list[Run]:
        """The unfinished runs, where a budget of cost depends on them."""
        return self._store.runs.in_states(sweep.name, UNFINISHED) if sweep.limits.max_cost is not None else []

    def _suggest(self, sweep: Sweep, seen: Sweep, follower: Follower, wanted: int) -> None:
        asked = sweep.enqueued[:wanted]
        suggestions = [Suggestion(params, source=ENQUEUED, memory=sweep.memory) for params in asked]
        if wanted > len(asked):
            suggestions += follower.suggest(wanted - len(asked), sweep.memory, after=asked)
        runs = [_run(sweep, sweep.created + index, suggestion) for index, suggestion in enumerate(suggestions, start=1)]
        changes = [
            Change(None, run, event=suggested(run, seen=follower.position, memory=one.memory, reasons=one.reasons))
            for run, one in zip(runs, suggestions, strict=True)
        ]
        rest, memory = sweep.enqueued[len(asked) :], suggestions[-1].memory
        after = seen.move("", created=sweep.created + len(runs), memory=memory, enqueued=rest)
        self._store.sweeps.commit(sweep, after, changes)
        for run in runs:
            log.info("run %s suggested (%s)", run.id, run.prediction.source)
            self._notifications.notify(run)

    def _cancel_queued(self, name: str) -> None:
        for run in self._store.runs.in_states(name, [RunState.QUEUED]):
            self._notifications.notify(self._store.runs.commit(run, cancel(run)))


def _run(sweep: Sweep, number: int, suggestion: Suggestion) -> Run:
    prediction = prediction_of(suggestion)
    return suggest(sweep=sweep.name, number=number, queue=sweep.queue, params=suggestion.params, prediction=prediction)


def prediction_of(suggestion: Suggestion) -> Prediction:
    """Return what a suggestion expects, as the run's record keeps it."""
    return Prediction(
        source=suggestion.source,
        score=suggestion.predicted_score,
        score_std=suggestion.predicted_score_std,
        cost=suggestion.predicted_cost,
        log_cost_std=suggestion.predicted_log_cost_std,
    )
