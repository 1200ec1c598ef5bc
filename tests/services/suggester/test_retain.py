"""Logs of sweeps that were finished long ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from services.suggester.retain import drop_old_logs
from shared.domain.progress import Progress
from shared.domain.run import RunState
from shared.domain.sweep import Sweep, SweepState
from shared.store import keys
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

Finish = Callable[..., Sweep]


@pytest.fixture
def finish(store: Store, a_run: ARun, a_sweep: ASweep) -> Finish:
    """Put a sweep of one observed run into the store, finished just now."""

    def make(state: SweepState = SweepState.FINISHED) -> Sweep:
        sweep = store.sweeps.create(a_sweep())
        run = a_run(RunState.OBSERVED)
        sweep = store.sweeps.commit(sweep, sweep.move("", created=1), [run])
        store.client.hset(keys.progress("s"), "1", Progress().model_dump_json())
        return store.sweeps.commit(sweep, sweep.move(str(state), state=state, reason="all 1 runs done"))

    return make


def test_the_log_of_a_sweep_is_dropped_after_the_retention_and_its_records_stay(store: Store, finish: Finish) -> None:
    finish()
    runs, log = store.runs.all("s"), store.sweeps.events("s")
    assert len(log) > 1

    drop_old_logs(store, days=0)

    assert store.sweeps.events("s") == log[-1:]
    assert store.runs.progress("s", [1]) == {}
    assert store.runs.all("s") == runs
    assert store.sweeps.get("s").log_dropped


def test_a_sweep_that_is_not_finished_or_not_for_long_keeps_its_log(store: Store, finish: Finish) -> None:
    finish()
    log = store.sweeps.events("s")

    drop_old_logs(store, days=1)

    assert store.sweeps.events("s") == log
    assert not store.sweeps.get("s").log_dropped


def test_a_sweep_that_continues_keeps_its_old_log(store: Store, finish: Finish) -> None:
    finish(SweepState.PAUSED)
    log = store.sweeps.events("s")

    drop_old_logs(store, days=0)

    assert store.sweeps.events("s") == log


def test_a_log_that_the_tracker_has_not_read_to_its_end_stays(store: Store, finish: Finish) -> None:
    finish()
    store.sweeps.set_tracked_position("s", 1)
    log = store.sweeps.events("s")

    drop_old_logs(store, days=0)

    assert store.sweeps.events("s") == log


def test_a_drop_that_was_cut_short_is_ended_the_next_time(store: Store, finish: Finish) -> None:
    sweep = finish()
    store.sweeps.commit(sweep, sweep.move("", log_dropped=True))

    drop_old_logs(store, days=0)
    again = store.sweeps.get("s")
    drop_old_logs(store, days=0)

    assert len(store.sweeps.events("s")) == 1
    assert store.sweeps.get("s") == again
