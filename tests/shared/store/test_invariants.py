"""Whatever owners, zombies, reapers and people do to a store in whatever order: what must hold does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shared.domain.errors import Held, IllegalMove, Stale
from shared.domain.run import (
    FINISHED,
    LEASED,
    Checkpoint,
    EarlyStop,
    Failure,
    Run,
    RunState,
    cancel,
    claim,
    fail,
    fall_back,
    finish_training,
    keep_checkpoint,
    lose_attempt,
    observe,
    release,
    retrain,
    retry,
    stop_early,
)
from shared.domain.sweep import SweepState, pause, reopen, resume
from shared.store import keys
from shared.store.ledger import Change, new_commit_id
from shared.store.store import open_store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, Gate

LEASE_MS = 60_000
RUNS = 3
OWNERS_MOVES: dict[str, Callable[[Run], Run]] = {
    "checkpoint": lambda run: keep_checkpoint(
        run, Checkpoint(step=(run.checkpoint.step if run.checkpoint else 0) + 10, path="p", sha256="s"), seconds=1.0
    ),
    "fall back": lambda run: fall_back(run, run.checkpoints[0] if len(run.checkpoints) > 1 else None),
    "retrain": lambda run: retrain(run, None, "its bytes changed", max_stuck=3),
    "finish": lambda run: finish_training(run, seconds=1.0, steps=run.steps, metrics={}),
    "observe": lambda run: observe(run, score=1.0, cost=1.0, seconds=1.0, steps=run.steps, metrics={}),
    "fail": lambda run: fail(run, Failure(kind="user code", message="boom"), cost=1.0),
    "release": release,
}
KEEPING = {"checkpoint", "fall back"}
numbers = st.integers(1, RUNS)


class Machine(RuleBasedStateMachine):
    """Three runs of one sweep. `seen` holds every record that anybody ever read: a zombie may act on any of them."""

    url: str
    a_run: ARun
    a_sweep: ASweep

    @initialize()
    def begin(self) -> None:
        self.store = open_store(self.url)
        self.store.client.flushall()
        sweep = self.store.sweeps.create(self.a_sweep())
        added = [self.a_run(number=number) for number in range(1, RUNS + 1)]
        self.store.sweeps.commit(sweep, sweep.move("", created=RUNS), added)
        self.seen: list[Run] = self.store.runs.all("s")
        self.last = {run.number: run for run in self.seen}
        self.repeatable: list[tuple[Run, Run, dict[str, Any], Run]] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def current(self, number: int) -> Run:
        run = self.store.runs.get(f"s.r.{number}")
        self.seen.append(run)
        return run

    def attempt(self, before: Run, move: Callable[[Run], Run], **how: Any) -> None:
        """Make a move of a client that read `before`, and keep it as one that may be sent again."""
        try:
            after, how = move(before), {"commit_id": new_commit_id(), **how}
            written = self.store.runs.commit(before, after, **how)
        except (IllegalMove, Stale, Held):
            return
        self.repeatable.append((before, after, how, written))

    @rule(number=numbers, nonce=st.sampled_from("ab"))
    def claim_it(self, number: int, nonce: str) -> None:
        running = (SweepState.RUNNING,)
        move = lambda run: claim(run, worker=f"w{nonce}", nonce=nonce, at=0.0)  # noqa: E731
        before = self.current(number)
        paused = self.store.sweeps.get("s").state is SweepState.PAUSED
        self.attempt(before, move, lease=LEASE_MS, only_in=running)
        if paused:
            assert self.store.runs.get(before.id) == before, "nothing is claimed after a pause"

    @rule(number=numbers, name=st.sampled_from(sorted(OWNERS_MOVES)))
    def work(self, number: int, name: str) -> None:
        self.attempt(self.current(number), OWNERS_MOVES[name], lease=LEASE_MS if name in KEEPING else "drop")

    @rule(data=st.data(), name=st.sampled_from(sorted(OWNERS_MOVES)))
    def work_as_a_zombie(self, data: st.DataObject, name: str) -> None:
        old = data.draw(st.sampled_from(self.seen))
        self.attempt(old, OWNERS_MOVES[name], lease=LEASE_MS if name in KEEPING else "drop")

    @rule(data=st.data())
    def renew_as_anybody(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.seen))
        now = self.store.runs.get(old.id)
        answer = self.store.runs.renew(old, lease_ms=LEASE_MS)
        owned = old.owner is not None and old.owner == now.owner
        is_to_stop = now.early_stop and now.state is RunState.TRAINING
        asked = "CANCEL" if now.cancel_requested else "STOP" if is_to_stop else "OK"
        assert answer == (asked if owned else "FENCED")

    @rule(number=numbers)
    def reap_too_early(self, number: int) -> None:
        before = self.current(number)
        self.attempt(before, lambda run: lose_attempt(run, "silent", max_stuck=3), lease="expired")
        assert self.store.runs.get(before.id) == before

    @rule(number=numbers)
    def reap(self, number: int) -> None:
        before = self.current(number)
        self.store.client.zadd(keys.LEASES, {before.id: 1}, xx=True)
        self.attempt(before, lambda run: lose_attempt(run, "silent", max_stuck=3), lease="expired")

    @rule(number=numbers)
    def cancel_it(self, number: int) -> None:
        before = self.current(number)
        self.attempt(before, cancel, lease="keep" if before.owner else "drop")

    @rule(data=st.data())
    def try_it_again(self, data: st.DataObject) -> None:
        """Somebody who may have read the run long ago."""
        before, sweep = data.draw(st.sampled_from(self.seen)), self.store.sweeps.get("s")
        with suppress(IllegalMove, Stale):
            change = Change(before, retry(before))
            self.store.sweeps.commit(sweep, reopen(sweep, now=0), [change])

    @rule(data=st.data())
    def stop_it_early(self, data: st.DataObject) -> None:
        """Somebody judges a run by what it was when it was read, however long ago."""
        stop = EarlyStop(step=5, score=1.0, cost=1.0, why="worse than the others")
        before = data.draw(st.sampled_from(self.seen))
        self.attempt(before, lambda run: stop_early(run, stop), lease="keep")

    @rule()
    def pause_or_resume(self) -> None:
        sweep = self.store.sweeps.get("s")
        moved = pause(sweep, "test") if sweep.state is SweepState.RUNNING else resume(sweep)
        self.store.sweeps.commit(sweep, moved)

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """A reply was lost: the call is repeated, and answers as it did or is refused, but changes nothing."""
        if not self.repeatable:
            return
        before, after, how, written = data.draw(st.sampled_from(self.repeatable))
        stored = self.store.runs.all("s")
        try:
            assert self.store.runs.commit(before, after, **how) == written
        except Stale:
            assert self.store.runs.get(before.id).version > written.version, "it was forgotten, not refused"
        except Held:
            raise AssertionError("a repeated call is answered before the sweep is asked") from None
        assert self.store.runs.all("s") == stored

    @invariant()
    def everything_is_sound(self) -> None:
        if not hasattr(self, "store"):
            return
        runs = self.store.runs.all("s")
        log = self.store.sweeps.events("s")
        assert [entry.position for entry in log] == list(range(1, len(log) + 1))
        for run in runs:
            self._moved_soundly(self.last[run.number], run)
            kinds = [entry.event.kind for entry in log if entry.event.run == run.number]
            ends = [kind for kind in kinds if kind in FINISHED]
            assert len(ends) == kinds.count("retried") + run.is_finished
            assert ends[-1:] == [run.state] or not run.is_finished
        counts = self.store.runs.counts("s")
        assert all(counts[state] == sum(run.state is state for run in runs) for state in counts)
        assert set(self.store.client.zrange(keys.LEASES, 0, -1)) == {run.id for run in runs if run.state in LEASED}
        for queue in ("gpu", "eval"):
            assert {due.id for due in self.store.runs.due(queue)} == {r.id for r in runs if r.due_queue == queue}
        self.last = {run.number: run for run in runs}

    @staticmethod
    def _moved_soundly(before: Run, after: Run) -> None:
        assert after.version in (before.version, before.version + 1)
        again = after.last_move == "retried"
        assert before == after or not before.is_finished or again, "an end is for good, but for who tries it again"
        assert after.token >= before.token
        if before.early_stop and not after.early_stop:
            given_up = after.is_finished and after.score is None
            assert given_up or not after.checkpoints, "a run that is to stop is scored, if it has a checkpoint"
        if after.last_move not in ("fell back", "damaged"):
            assert (after.checkpoint.step if after.checkpoint else 0) >= (
                before.checkpoint.step if before.checkpoint else 0
            )


@pytest.mark.slow
def test_the_invariants_hold_whatever_happens(gate: Gate, a_run: ARun, a_sweep: ASweep) -> None:
    Machine.url, Machine.a_run, Machine.a_sweep = gate.url, staticmethod(a_run), staticmethod(a_sweep)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
