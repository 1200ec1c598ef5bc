"""Runs that are tried again, in a store where others are at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.control.audit import audit_sweep
from shared.control.restore import restore
from shared.control.retry import retry_failed, retry_run
from shared.control.steer import pause_sweep, resume_sweep
from shared.domain.errors import Conflict, NotFound
from shared.domain.run import RunState, cancel
from shared.domain.sweep import SweepState, stop
from shared.storage.folders import RunFolder
from shared.storage.records import write_run
from shared.store.store import Store
from tests.shared.control.scenarios import RUNS, Advance, Begin, begin

__all__ = ["begin"]


def test_a_failed_run_of_a_finished_sweep_is_queued_under_its_own_id_and_the_sweep_continues_for_it(
    store: Store, begin: Begin, advance: Advance
) -> None:
    begin()
    before = store.sweeps.get("s")
    assert (before.state, before.spent, before.failed) == (SweepState.FINISHED, 10.0, 2)

    done = retry_run(store, "s.r.2")
    advance("s")

    run = store.runs.get("s.r.2")
    assert (done.was_finished, [run.id for run in done.runs]) == (True, ["s.r.2"])
    assert (run.state, run.steps, run.failure) == (RunState.QUEUED, 5, None)
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.2"]
    assert store.sweeps.live() == ["s"]
    sweep = store.sweeps.get("s")
    assert (sweep.state, sweep.spent, sweep.failed, sweep.created) == (SweepState.RUNNING, 7.0, 1, RUNS)
    assert audit_sweep(store, "s").problems == []


def test_a_run_of_a_paused_sweep_waits_until_it_is_resumed(store: Store, begin: Begin) -> None:
    begin("budget.max_runs=5")
    pause_sweep(store, "s")

    assert retry_run(store, "s.r.2").sweep.state is SweepState.PAUSED
    assert store.runs.due("gpu") == []

    resume_sweep(store, "s")
    assert "s.r.2" in [due.id for due in store.runs.due("gpu")]


def test_a_cancelled_run_is_tried_again_too_but_only_by_its_name(store: Store, begin: Begin, advance: Advance) -> None:
    begin("budget.max_runs=5")
    run = store.runs.get("s.r.5")
    store.runs.commit(run, cancel(run))
    advance("s")

    assert [run.id for run in retry_failed(store, "s").runs] == ["s.r.2", "s.r.3"]
    assert [run.id for run in retry_run(store, "s.r.5").runs] == ["s.r.5"]
    advance("s")

    assert (store.sweeps.get("s").failed, store.sweeps.get("s").cancelled) == (0, 0)
    assert audit_sweep(store, "s").problems == []


def test_a_run_with_a_score_or_in_progress_is_a_conflict_and_where_nothing_failed_there_is_nothing(
    store: Store, begin: Begin
) -> None:
    begin()

    with pytest.raises(Conflict, match=r"run s\.r\.1 is observed: only a failed or cancelled run can be retried"):
        retry_run(store, "s.r.1")
    retry_failed(store, "s")
    with pytest.raises(Conflict, match=r"run s\.r\.2 is queued: only a failed"):
        retry_run(store, "s.r.2")
    with pytest.raises(NotFound, match="no run of sweep s has failed: see `sweepctl runs s`"):
        retry_failed(store, "s")
    with pytest.raises(NotFound, match=r"no run s\.r\.9"):
        retry_run(store, "s.r.9")


def test_in_a_sweep_that_would_cancel_it_at_once_nothing_is_tried_again(store: Store, begin: Begin) -> None:
    begin("budget.max_runs=5")
    sweep = store.sweeps.get("s")
    store.sweeps.commit(sweep, stop(sweep))

    with pytest.raises(Conflict, match="sweep s is stopping: run `sweepctl resume s` first"):
        retry_run(store, "s.r.2")


def test_a_run_that_waits_again_is_restored_as_one(store: Store, begin: Begin, tmp_path: Path) -> None:
    begin()
    for run in store.runs.all("s"):
        write_run(RunFolder(tmp_path / "sweep/s/runs" / run.id), run)
    retry_run(store, "s.r.2")
    store.client.flushall()

    back = restore(store, tmp_path / "sweep/s")

    assert (back.sweep.state, back.sweep.failed) == (SweepState.RUNNING, 1)
    assert (store.runs.get("s.r.2").state, store.runs.get("s.r.2").steps) == (RunState.QUEUED, 5)
    assert audit_sweep(store, "s").problems == []


def test_the_tracker_of_a_continued_sweep_gets_only_the_new_events(store: Store, begin: Begin) -> None:
    begin("wandb=offline")
    store.sweeps.forget_tracked("s")
    last = store.sweeps.last_event("s")
    assert last is not None

    retry_run(store, "s.r.2")

    assert (store.sweeps.tracked(), store.sweeps.tracked_position("s")) == (["s"], last.position)
