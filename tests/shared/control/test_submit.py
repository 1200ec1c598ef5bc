"""A sweep is written to the store once; a later submit continues it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from shared.control.submit import Submitted, submit
from shared.domain.errors import Conflict
from shared.domain.sweep import SweepState, pause
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AJob


def test_a_new_sweep_is_created_with_its_limits_and_its_folder(store: Store, a_job: AJob, tmp_path: Path) -> None:
    submitted = submit(store, a_job("budget.max_runs=7", "parallelism=2", "max_stuck_attempts=5"))

    assert not submitted.existed
    limits = store.sweeps.get("s").limits
    assert (limits.max_runs, limits.parallelism, limits.max_stuck_attempts) == (7, 2, 5)
    written = yaml.safe_load((tmp_path / "sweep" / "s" / "config.yaml").read_text())
    assert (written["sweep_run"], written["config_hash"]) == ("s", submitted.sweep.config_hash)


def test_the_same_sweep_again_is_the_one_that_exists(store: Store, a_job: AJob) -> None:
    first = submit(store, a_job())

    again = submit(store, a_job())

    assert again == Submitted(first.sweep, existed=True)
    assert len(store.sweeps.events("s")) == 1


def test_a_paused_sweep_continues_when_it_is_submitted_again(store: Store, a_job: AJob) -> None:
    sweep = submit(store, a_job()).sweep
    store.sweeps.commit(sweep, pause(sweep, "lunch"))

    again = submit(store, a_job())

    assert (again.existed, again.sweep.state) == (True, SweepState.RUNNING)


def test_another_config_under_the_same_name_is_a_conflict_that_shows_the_difference(store: Store, a_job: AJob) -> None:
    first = submit(store, a_job("trainer.steps=3")).sweep

    with pytest.raises(Conflict, match=r"sweep s exists with another config \(.*trainer.steps: 3 -> 4.*\)") as caught:
        submit(store, a_job("trainer.steps=4"))

    assert caught.value.exit_code == 6
    assert store.sweeps.get("s") == first


def test_two_that_submit_the_same_sweep_at_once_both_have_it(store: Store, a_job: AJob) -> None:
    job, at_once = a_job(), threading.Barrier(4)
    submitted: list[Submitted] = []

    def go() -> None:
        at_once.wait()
        submitted.append(submit(store, job))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.existed for one in submitted) == [False, True, True, True]
    assert len(store.sweeps.events("s")) == 1


@pytest.mark.parametrize(("wanted", "most"), [("null", 3), ("2", 2), ("9", 3)])
def test_a_grid_has_no_more_runs_than_its_combinations(store: Store, a_job: AJob, wanted: str, most: int) -> None:
    job = a_job("sweep.method=grid", "sweep.grid_points=3", f"budget.max_runs={wanted}")

    assert submit(store, job).sweep.limits.max_runs == most
