"""Pause, resume, stop, cancel, against a store that others write to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.run import RunState, claim
from shared.domain.sweep import SweepState
from shared.store.store import Store
from sweepctl.actions.steer import cancel_run, pause_sweep, resume_sweep, stop_sweep

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


@pytest.fixture(autouse=True)
def two_runs(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    """Put sweep `s` into the store: run 1 waits, run 2 is in somebody's hands."""
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move("", created=2), [(a_run(number=1), {}), (a_run(number=2), {})])
    run = store.runs.get("s.r.2")
    store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)


def test_a_paused_sweep_wakes_nobody_until_it_is_resumed(store: Store) -> None:
    assert pause_sweep(store, "s").state is SweepState.PAUSED
    assert store.runs.due("gpu") == []

    assert resume_sweep(store, "s").state is SweepState.RUNNING
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.1"]


def test_a_stopped_sweep_can_be_resumed_but_not_stopped_twice(store: Store) -> None:
    assert stop_sweep(store, "s").state is SweepState.STOPPING
    with pytest.raises(Conflict, match="sweep s is stopping already"):
        stop_sweep(store, "s")

    assert resume_sweep(store, "s").state is SweepState.RUNNING


def test_what_makes_no_sense_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict, match="there is nothing to resume"):
        resume_sweep(store, "s")
    pause_sweep(store, "s")
    with pytest.raises(Conflict, match="only a running sweep can be paused"):
        pause_sweep(store, "s")


def test_a_waiting_run_is_cancelled_at_once_and_is_not_due_any_more(store: Store) -> None:
    assert cancel_run(store, "s.r.1").state is RunState.CANCELLED

    assert store.runs.due("gpu") == []
    with pytest.raises(Conflict, match=r"run s\.r\.1 is cancelled: it is over and cannot be cancelled"):
        cancel_run(store, "s.r.1")


def test_a_run_in_somebodys_hands_is_marked_and_its_owner_is_told(store: Store) -> None:
    held = store.runs.get("s.r.2")

    marked = cancel_run(store, "s.r.2")

    assert (marked.state, marked.cancel_requested) == (RunState.TRAINING, True)
    assert store.runs.renew(held, lease_ms=1000) == "CANCEL"


@pytest.mark.parametrize("name", ["s.r.9", "nobody.r.1", "nonsense"])
def test_a_run_that_does_not_exist_cannot_be_cancelled(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        cancel_run(store, name)


def test_a_sweep_that_does_not_exist_cannot_be_paused(store: Store) -> None:
    with pytest.raises(NotFound, match="no sweep nobody in this store; the latest ones: s"):
        pause_sweep(store, "nobody")
