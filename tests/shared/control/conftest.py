"""What advances a sweep in these tests: a stand-in for the suggester, which is a floor above."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shared.config.frozen import job_of
from shared.config.searched import space_of
from shared.domain.configuration import best_first, outcomes_of
from shared.domain.record_events import suggested
from shared.domain.run import UNFINISHED, Prediction, Run, RunState, suggest
from shared.domain.sweep import Sweep, how_many_to_start, settle
from shared.domain.totals import absorb
from shared.store.ledger import Change
from shared.store.store import Store

Advance = Callable[[str], None]


@pytest.fixture
def advance(store: Store) -> Advance:
    """Return what takes in the events of a sweep, then finishes it or suggests one run: drawn, not searched."""

    def advance_once(name: str) -> None:
        sweep = store.sweeps.get(name)
        seen = _caught_up(store, sweep)
        now, unfinished = store.sweeps.now(), store.runs.in_states(name, UNFINISHED)
        settled = settle(seen, unfinished=len(unfinished), now=now)
        if settled.version != sweep.version:
            store.sweeps.commit(sweep, settled)
        elif how_many_to_start(seen, store.runs.counts(name), live_slots=1, now=now):
            memory = {"n": sweep.created + 1}
            after = seen.move("", created=sweep.created + 1, memory=memory)
            run = _drawn(sweep)
            store.sweeps.commit(sweep, after, [Change(None, run, event=suggested(run, memory=memory, seen=seen.seen))])
        elif seen != sweep:
            store.sweeps.commit(sweep, seen.move(""))

    return advance_once


def _caught_up(store: Store, sweep: Sweep) -> Sweep:
    seen = sweep
    for entry in store.sweeps.events(sweep.name, after=sweep.seen):
        seen = absorb(seen, entry.event, position=entry.position)
    outcomes = outcomes_of(store.runs.in_states(sweep.name, [RunState.OBSERVED]))
    leader = next(iter(best_first(outcomes, goal=sweep.goal, memory=sweep.memory)), None)
    return seen.model_copy(update={"leader": leader})


def _drawn(sweep: Sweep) -> Run:
    number = sweep.created + 1
    params = space_of(job_of(sweep)).sample_uniform(np.random.default_rng(number))
    prediction = Prediction(source="uniform")
    return suggest(sweep=sweep.name, number=number, queue=sweep.queue, params=params, prediction=prediction)
