"""The lease of a claimed run, on a real server."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.errors import Fenced, IllegalMove, StoreUnreachable
from shared.domain.run import (
    Checkpoint,
    EarlyStop,
    Run,
    RunState,
    cancel,
    claim,
    keep_checkpoint,
    observe,
    release,
    stop_early,
)
from shared.execution.lease import Lease, Move
from shared.store import keys
from shared.store.store import Store
from tests.logs import kinds_of

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, Gate


@pytest.fixture
def lease(store: Store, a_run: ARun, a_sweep: ASweep) -> Lease:
    """A lease on run s.r.1, for a minute."""
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move(""), [a_run()])
    run = store.runs.get("s.r.1")
    held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    return Lease(store.runs, held, lease_ms=60_000)


def saved(run: Run) -> Run:
    return keep_checkpoint(run, Checkpoint(step=10, path="10", sha256="abc"), seconds=1.0)


def scored(run: Run) -> Run:
    return observe(run, score=1.0, cost=2.0, seconds=1.0, steps=1, metrics={})


def take_away(store: Store) -> Run:
    run = store.runs.get("s.r.1")
    waiting = store.runs.commit(run, release(run))
    return store.runs.claim(waiting, claim(waiting, worker="other", nonce="x", at=0.0), lease_ms=60_000)


def test_one_commit_keeps_the_lease_and_the_next_one_drops_it(store: Store, lease: Lease) -> None:
    lease.commit(saved, keep=True)
    assert store.client.zcard(keys.LEASES) == 1

    observed = lease.commit(scored)

    assert store.client.zcard(keys.LEASES) == 0
    assert store.runs.get("s.r.1") == observed == lease.run


def test_a_move_is_applied_again_to_a_run_that_was_marked_meanwhile(store: Store, lease: Lease) -> None:
    run = store.runs.get("s.r.1")
    store.runs.commit(run, cancel(run), lease="keep")

    kept = lease.commit(saved, keep=True)

    assert kept.cancel_requested
    assert lease.commit(release).state is RunState.CANCELLED


def test_an_owner_whose_run_was_given_to_another_is_fenced_and_changes_nothing(store: Store, lease: Lease) -> None:
    others = take_away(store)

    for move in (saved, scored, release):
        with pytest.raises(Fenced, match=r"run s\.r\.1 is no longer ours"):
            lease.commit(move)

    assert store.runs.get("s.r.1") == others
    assert lease.renew(None) == "FENCED"


def test_an_owner_is_fenced_after_its_run_ended_or_the_store_lost_it(store: Store, lease: Lease) -> None:
    run = store.runs.get("s.r.1")
    store.runs.commit(run, release(run))
    with pytest.raises(Fenced):
        lease.commit(saved, keep=True)

    store.client.flushall()
    with pytest.raises(Fenced):
        lease.commit(saved, keep=True)


def test_an_illegal_move_is_raised_and_not_committed(store: Store, lease: Lease) -> None:
    lease.commit(saved, keep=True)
    before = store.runs.get("s.r.1")

    with pytest.raises(IllegalMove, match="is no progress"):
        lease.commit(saved, keep=True)

    assert store.runs.get("s.r.1") == before


def test_without_the_store_renew_returns_none_and_commit_raises(gate: Gate, lease: Lease) -> None:
    gate.shut()

    assert lease.renew(None) is None
    with pytest.raises(StoreUnreachable):
        lease.commit(saved, keep=True)


def test_the_end_of_a_run_is_committed_once_when_the_store_is_back(store: Store, gate: Gate, lease: Lease) -> None:
    gate.shut()
    timer = threading.Timer(0.7, gate.open)
    timer.start()

    prepared: list[Run] = []
    observed = lease.commit_when_reachable(scored, prepare=prepared.append, give_up=threading.Event(), seconds=0)

    timer.join()
    assert store.runs.get("s.r.1") == observed
    assert kinds_of(store).count("observed") == 1
    assert [run.state for run in prepared] == [RunState.OBSERVED]


def test_the_files_of_a_run_that_was_marked_meanwhile_contain_the_mark(store: Store, lease: Lease) -> None:
    run = store.runs.get("s.r.1")
    stop = EarlyStop(step=1, score=1.0, cost=1.0, why="worse than the others")
    store.runs.commit(run, stop_early(run, stop), lease="keep")
    prepared: list[Run] = []

    lease.commit_when_reachable(scored, prepare=prepared.append, give_up=threading.Event(), seconds=0)

    assert [prepared_run.early_stop for prepared_run in prepared] == [stop]
    assert store.runs.get("s.r.1").early_stop == stop


def test_a_worker_that_lost_the_lease_writes_no_file_of_the_run(store: Store, lease: Lease) -> None:
    prepared: list[Run] = []
    take_away(store)

    with pytest.raises(Fenced):
        lease.commit_when_reachable(scored, prepare=prepared.append, give_up=threading.Event(), seconds=0)

    assert prepared == []


def test_a_commit_whose_answer_was_lost_is_not_mistaken_for_a_lost_lease(store: Store, lease: Lease) -> None:
    commit, lost_from = lease.commit, lease.run
    lost: list[Run] = []

    def commit_and_lose_the_first_answer(move: Move, **how: Any) -> Run:
        run = commit(move, **how)
        if not lost:
            lost.append(run)
            lease.run = lost_from
            raise StoreUnreachable("the answer was lost")
        return run

    lease.commit = commit_and_lose_the_first_answer  # type: ignore[method-assign]
    observed = lease.commit_when_reachable(scored, prepare=lambda run: None, give_up=threading.Event(), seconds=0)

    assert observed.state is RunState.OBSERVED
    assert kinds_of(store).count("observed") == 1


def test_a_worker_that_shuts_down_does_not_wait_for_the_store_for_ever(gate: Gate, lease: Lease) -> None:
    gate.shut()
    shutdown = threading.Event()
    shutdown.set()
    begun = time.monotonic()

    with pytest.raises(StoreUnreachable):
        lease.commit_when_reachable(scored, prepare=lambda run: None, give_up=shutdown, seconds=0.2)

    assert time.monotonic() - begun < 5
