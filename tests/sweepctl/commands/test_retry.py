"""Runs that are tried again, in a store where others are at work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.suggester.advance_sweep import Suggester
from services.suggester.replay import Replayed, replay
from shared.control.audit import audit_sweep
from shared.control.restore import restore
from shared.control.retry import retry_failed, retry_run
from shared.control.steer import change_limits, pause_sweep, resume_sweep
from shared.control.submit import submit
from shared.domain.errors import Conflict, NotFound
from shared.domain.run import Checkpoint, Failure, Run, RunState, cancel, claim, fail, keep_checkpoint, observe
from shared.domain.sweep import SweepState, stop
from shared.storage.folders import RunFolder
from shared.storage.records import write_run
from shared.store.store import Store
from tests.sweepctl.conftest import Sweepctl
from tests.sweepctl.test_check import join

if TYPE_CHECKING:
    from tests.conftest import AJob, AWorker

Begin = Callable[..., Suggester]
RUNS = 4


@pytest.fixture
def begin(store: Store, a_job: AJob, a_worker: AWorker) -> Begin:
    """Submit sweep `s`, let runs 2 and 3 of its four fail after a checkpoint, and return its suggester."""

    def make(*overrides: str) -> Suggester:
        submit(store, a_job(f"budget.max_runs={RUNS}", "parallelism=1", "look_ahead=0", *overrides))
        suggester = Suggester(store, a_worker("suggester", "suggest", "results").notifications)
        for number in range(1, RUNS + 1):
            suggester.advance("s")
            end(store, store.runs.get(f"s.r.{number}"), fails=number in (2, 3))
        suggester.advance("s")
        return suggester

    return make


def end(store: Store, run: Run, *, fails: bool = False) -> Run:
    held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    if fails:
        held = store.runs.commit(
            held, keep_checkpoint(held, Checkpoint(step=5, path="5.a1", sha256="x"), seconds=1.0), lease=60_000
        )
        return store.runs.commit(held, fail(held, Failure(kind="user code", message="boom"), cost=3.0))
    told = {"score": float(run.number), "cost": 2.0, "seconds": 1.0, "steps": 9}
    return store.runs.commit(held, observe(held, **told, metrics={}))  # type: ignore[arg-type]


def test_a_failed_run_of_a_finished_sweep_is_queued_under_its_own_id_and_the_sweep_goes_on_for_it(
    store: Store, begin: Begin
) -> None:
    suggester = begin()
    before = store.sweeps.get("s")
    assert (before.state, before.spent, before.failed) == (SweepState.FINISHED, 10.0, 2)

    done = retry_run(store, "s.r.2")
    suggester.advance("s")

    run = store.runs.get("s.r.2")
    assert (done.was_finished, [run.id for run in done.runs]) == (True, ["s.r.2"])
    assert (run.state, run.steps, run.failure) == (RunState.QUEUED, 5, None)
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.2"]
    assert store.sweeps.live() == ["s"]
    sweep = store.sweeps.get("s")
    assert (sweep.state, sweep.spent, sweep.failed, sweep.created) == (SweepState.RUNNING, 7.0, 1, RUNS)
    assert audit_sweep(store, "s").problems == []


def test_its_failure_is_forgotten_once_it_is_observed_and_the_log_replays(store: Store, begin: Begin) -> None:
    suggester = begin()
    retry_failed(store, "s")
    for number in (2, 3):
        end(store, store.runs.get(f"s.r.{number}"))
    suggester.advance("s")
    assert store.sweeps.get("s").state is SweepState.FINISHED
    change_limits(store, "s", ["budget.max_runs=6"])
    for number in (5, 6):
        suggester.advance("s")
        end(store, store.runs.get(f"s.r.{number}"))
    suggester.advance("s")

    sweep = store.sweeps.get("s")
    assert (sweep.state, sweep.observed, sweep.failed, sweep.spent) == (SweepState.FINISHED, 6, 0, 12.0)
    assert audit_sweep(store, "s").problems == []
    assert list(replay(sweep, store.sweeps.whole_log("s"))) == [Replayed(number) for number in range(1, 7)]


def test_a_run_of_a_paused_sweep_waits_until_it_is_resumed(store: Store, begin: Begin) -> None:
    begin("budget.max_runs=5")
    pause_sweep(store, "s")

    assert retry_run(store, "s.r.2").sweep.state is SweepState.PAUSED
    assert store.runs.due("gpu") == []

    resume_sweep(store, "s")
    assert "s.r.2" in [due.id for due in store.runs.due("gpu")]


def test_a_cancelled_run_is_tried_again_too_but_only_by_its_name(store: Store, begin: Begin) -> None:
    suggester = begin("budget.max_runs=5")
    run = store.runs.get("s.r.5")
    store.runs.commit(run, cancel(run))
    suggester.advance("s")

    assert [run.id for run in retry_failed(store, "s").runs] == ["s.r.2", "s.r.3"]
    assert [run.id for run in retry_run(store, "s.r.5").runs] == ["s.r.5"]
    suggester.advance("s")

    assert (store.sweeps.get("s").failed, store.sweeps.get("s").cancelled) == (0, 0)
    assert audit_sweep(store, "s").problems == []


def test_what_has_a_score_or_goes_on_is_a_conflict_and_where_nothing_failed_there_is_nothing(
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


def test_a_sweep_is_not_finished_by_a_suggester_that_looked_before_a_run_was_tried_again(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggester = begin("budget.max_runs=5")
    end(store, store.runs.get("s.r.5"))
    catch_up = suggester._catch_up

    def look_and_be_late(*arguments: object) -> object:
        found = catch_up(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        retry_run(store, "s.r.2")
        return found

    monkeypatch.setattr(suggester, "_catch_up", look_and_be_late)
    suggester.advance("s")
    suggester.advance("s")

    assert store.sweeps.get("s").state is SweepState.RUNNING


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


def test_the_tracker_of_a_sweep_that_goes_on_hears_of_what_is_new_alone(store: Store, begin: Begin) -> None:
    begin("wandb=offline")
    store.sweeps.forget_tracked("s")
    last = store.sweeps.last_event("s")
    assert last is not None

    retry_run(store, "s.r.2")

    assert (store.sweeps.tracked(), store.sweeps.tracked_position("s")) == (["s"], last.position)


def test_who_takes_up_what_is_tried_again_is_told(
    store: Store, begin: Begin, sweepctl: Sweepctl, tmp_path: Path
) -> None:
    begin()
    nobody = sweepctl("retry", "s.r.2", REDIS_URL=store.url)
    join(store, "suggester", "suggest", "results", data_dir=tmp_path)
    join(store, "trainer", "gpu", data_dir=tmp_path)
    everybody = sweepctl("retry", "s.r.3", REDIS_URL=store.url)

    assert nobody.stdout.splitlines()[-1] == "`sweepctl up` starts workers that take it up"
    assert everybody.stdout.splitlines()[-1] == "its workers take it up at once"
