"""A sweep that is scored again, and whose search continues."""

from __future__ import annotations

from pathlib import Path

from services.suggester.advance_sweep import Suggester
from services.suggester.replay import Replayed, replay
from shared.control.audit import audit_sweep
from shared.control.rescore import rescore, rescoring_job
from shared.control.steer import change_limits
from shared.domain.sweep import Sweep, SweepState
from shared.store.store import Store
from tests.shared.control.scenarios import carry_out, configs, old

__all__ = ["configs", "old"]


def test_once_it_is_finished_the_search_continues_after_the_old_one_and_replays(
    store: Store, old: Sweep, configs: Path, tmp_path: Path, suggester: Suggester
) -> None:
    rescore(store, old, rescoring_job(old, [], sim="hard", config_dir=configs))
    suggester.advance("s-hard")
    assert store.sweeps.get("s-hard").created == 2, "its budget is spent with the runs that it adopted"
    for number in (1, 2):
        carry_out(store, tmp_path, store.runs.get(f"s-hard.r.{number}"), score=50.0 + number)
    suggester.advance("s-hard")
    sweep = store.sweeps.get("s-hard")
    assert (sweep.state, sweep.reason, sweep.spent) == (SweepState.FINISHED, "all 2 runs done", 2 * 8.0)
    assert sweep.leading is not None
    assert (sweep.leading.runs, sweep.leading.score) == ((2,), 52.0)

    change_limits(store, "s-hard", ["budget.max_runs=4"])
    for number in (3, 4):
        suggester.advance("s-hard")
        carry_out(store, tmp_path, store.runs.get(f"s-hard.r.{number}"))
    suggester.advance("s-hard")

    sweep = store.sweeps.get("s-hard")
    assert (sweep.state, sweep.observed) == (SweepState.FINISHED, 4)
    assert list(replay(sweep, store.sweeps.whole_log("s-hard"))) == [Replayed(3), Replayed(4)]
    assert audit_sweep(store, "s-hard").problems == []
    tried = [tuple(run.params.values()) for name in ("s", "s-hard") for run in store.runs.all(name) if not run.origin]
    assert len(set(tried)) == len(tried) == 6
