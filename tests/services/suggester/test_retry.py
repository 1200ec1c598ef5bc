"""Runs that are tried again while a suggester is at work."""

from __future__ import annotations

import pytest

from services.suggester.advance_sweep import Suggester
from services.suggester.replay import Replayed, replay
from shared.control.audit import audit_sweep
from shared.control.retry import retry_failed, retry_run
from shared.control.steer import change_limits
from shared.domain.sweep import SweepState
from shared.store.store import Store
from tests.shared.control.scenarios import Advance, Begin, begin, end

__all__ = ["begin"]


def test_its_failure_is_forgotten_once_it_is_observed_and_the_log_replays(
    store: Store, begin: Begin, advance: Advance
) -> None:
    begin()
    retry_failed(store, "s")
    for number in (2, 3):
        end(store, store.runs.get(f"s.r.{number}"))
    advance("s")
    assert store.sweeps.get("s").state is SweepState.FINISHED
    change_limits(store, "s", ["budget.max_runs=6"])
    for number in (5, 6):
        advance("s")
        end(store, store.runs.get(f"s.r.{number}"))
    advance("s")

    sweep = store.sweeps.get("s")
    assert (sweep.state, sweep.observed, sweep.failed, sweep.spent) == (SweepState.FINISHED, 6, 0, 12.0)
    assert audit_sweep(store, "s").problems == []
    assert list(replay(sweep, store.sweeps.whole_log("s"))) == [Replayed(number) for number in range(1, 7)]


def test_a_sweep_is_not_finished_by_a_suggester_that_looked_before_a_run_was_tried_again(
    store: Store, begin: Begin, suggester: Suggester, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin("budget.max_runs=5")
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
