"""The best configuration as a rollout of its own: what is suggested in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from services.suggester.advance_sweep import Suggester
from shared.control.submit import submit
from shared.control.train_best import best_job
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.store.store import Store
from tests.shared.control.test_train_best import BEST, best, sweep

__all__ = ["best", "sweep"]


def test_its_only_suggestion_is_the_best_configuration(
    store: Store, sweep: Sweep, best: Run, suggester: Suggester, tmp_path: Path
) -> None:
    job = best_job(sweep, best, [], now=datetime(2026, 5, 4, 3, 2, 1))

    submit(store, job)
    suggester.advance(job.sweep_run)

    (run,) = store.runs.all(job.sweep_run)
    assert (job.sweep_run, run.params) == ("s-best-20260504-030201", BEST)
    assert (job.budget.max_runs, job.budget.max_cost, job.budget.max_hours) == (1, None, None)
    assert job.sweep.early_stop_quantile is None
    assert job.runs_dir == str(tmp_path / "sweep" / job.sweep_run / "runs")
    assert store.runs.all("s") == []


def test_a_searched_parameter_may_be_set_beyond_the_bounds_of_the_search(
    store: Store, sweep: Sweep, best: Run, suggester: Suggester
) -> None:
    job = best_job(sweep, best, ["trainer.total_timesteps=1e6", "seed=7", "sweep_run=long"])

    submit(store, job)
    suggester.advance("long")

    assert store.runs.get("long.r.1").params == {**BEST, "trainer.total_timesteps": 1_000_000}
    assert (job.trainer.model_dump()["total_timesteps"], job.seed) == (1_000_000, 7)
