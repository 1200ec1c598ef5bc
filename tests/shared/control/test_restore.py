"""A sweep that comes back from its folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.control.audit import audit_sweep
from shared.control.restore import restore
from shared.control.submit import submit
from shared.domain.errors import Conflict, NotFound, Unreadable
from shared.domain.run import Failure, Run, RunState, fail
from shared.domain.sweep import BEING_RESTORED
from shared.storage.folders import RunFolder
from shared.storage.records import write_run
from shared.store.store import Store
from tests.shared.control.scenarios import Advance, Lose, lose

if TYPE_CHECKING:
    from tests.conftest import AJob

__all__ = ["lose"]


def test_runs_come_back_with_their_ids_parameters_scores_costs_and_checkpoints(store: Store, lose: Lose) -> None:
    folder = lose()
    before = {run.id: run for run in store.runs.all("s")}
    store.client.flushall()

    back = restore(store, folder)

    after = {run.id: run for run in store.runs.all("s")}
    assert (back.runs, back.unknown, sorted(after)) == (4, 0, [f"s.r.{n}" for n in range(1, 5)])
    for run_id, run in after.items():
        old = before[run_id]
        assert (run.params, run.score, run.cost, run.metrics) == (old.params, old.score, old.cost, old.metrics)
        assert (run.checkpoints, run.failure, run.prediction) == (old.checkpoints, old.failure, old.prediction)
    assert [run.state for run in after.values()] == [
        RunState.OBSERVED,
        RunState.FAILED,
        RunState.OBSERVED,
        RunState.QUEUED,
    ]


def test_a_run_without_a_trace_is_cancelled_and_counted(store: Store, lose: Lose) -> None:
    folder = lose()
    store.client.flushall()
    shutil.rmtree(folder / "runs" / "s.r.1")

    back = restore(store, folder)

    assert back.unknown == 1
    assert store.runs.get("s.r.1").state is RunState.CANCELLED
    assert audit_sweep(store, "s").problems == []


def test_a_sweep_whose_budget_is_spent_comes_back_finished(store: Store, lose: Lose) -> None:
    folder = lose("budget.max_runs=4")
    last = RunFolder(folder / "runs" / "s.r.4")
    mirror = Run.model_validate_json(last.record_file.read_text())
    write_run(last, fail(mirror, Failure(kind="user code", message="boom"), cost=1.0))
    store.client.flushall()

    back = restore(store, folder)

    assert (back.sweep.state, back.sweep.reason) == ("finished", "all 4 runs done")
    assert store.sweeps.live() == []


def test_a_budget_of_runs_that_was_raised_is_at_least_what_was_suggested(store: Store, lose: Lose) -> None:
    folder = lose()
    mirror = folder / "sweep.json"
    mirror.write_text(mirror.read_text().replace('"max_runs":8', '"max_runs":2', 1))
    store.client.flushall()

    assert restore(store, folder).sweep.limits.max_runs == 4
    assert audit_sweep(store, "s").problems == []


def test_a_folder_that_was_moved_is_where_its_runs_are(store: Store, lose: Lose, tmp_path: Path) -> None:
    folder = lose()
    store.client.flushall()
    moved = tmp_path / "elsewhere" / "sweep" / "s"
    shutil.copytree(folder, moved)

    config = restore(store, moved).sweep.config

    assert (config["data_dir"], config["runs_dir"]) == (str(tmp_path / "elsewhere"), str(moved / "runs"))


def test_a_sweep_that_the_store_has_is_a_conflict(store: Store, lose: Lose) -> None:
    folder = lose()
    before = store.runs.all("s")

    with pytest.raises(Conflict, match="sweep s is in this store: there is nothing to restore") as caught:
        restore(store, folder)

    assert caught.value.exit_code == 6
    assert store.runs.all("s") == before


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_an_interrupted_restore_is_continued(
    store: Store, lose: Lose, monkeypatch: pytest.MonkeyPatch, advance: Advance, cut: int
) -> None:
    folder, commits = lose(), 0
    store.client.flushall()
    commit = store.runs.commit

    def commit_or_die(before: Run, after: Run) -> Run:
        nonlocal commits
        commits += 1
        if commits > cut:
            raise KeyboardInterrupt
        return commit(before, after)

    with monkeypatch.context() as patch:
        patch.setattr(store.runs, "commit", commit_or_die)
        with pytest.raises(KeyboardInterrupt):
            restore(store, folder)
    assert store.sweeps.get("s").reason == BEING_RESTORED
    for name in store.sweeps.live():
        advance(name)

    back = restore(store, folder)

    assert (back.sweep.created, back.sweep.observed, back.sweep.failed) == (4, 2, 1)
    assert audit_sweep(store, "s").problems == []


def test_a_folder_that_is_no_sweeps_is_refused_and_says_what_is_missing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no .*/sweep.json; give the folder of a sweep, <data_dir>/sweep/<sweep_run>"):
        restore(store, tmp_path)

    assert store.sweeps.names() == []


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("sweep.json", "{", "was written by another version"),
        (
            "runs/s.r.2/run.json",
            '{"version": 1}',
            r"run.json was written by another version \(id is missing\); install that version",
        ),
        ("runs/s.r.2/run.json", None, "run.json belongs to run s.r.1; rename the folder to s.r.1"),
    ],
)
def test_a_mirror_that_cannot_be_read_is_refused_before_anything_is_written(
    store: Store, lose: Lose, file: str, text: str | None, problem: str
) -> None:
    folder = lose()
    store.client.flushall()
    (folder / file).write_text(text or (folder / "runs/s.r.1/run.json").read_text())

    with pytest.raises(Unreadable, match=problem):
        restore(store, folder)

    assert store.client.keys() == []


def test_no_new_sweep_starts_over_runs_that_the_store_does_not_know(store: Store, lose: Lose, a_job: AJob) -> None:
    folder = lose()
    store.client.flushall()

    with pytest.raises(Conflict, match=rf"`sweepctl restore {folder}`; to start a new sweep, choose another"):
        submit(store, a_job())

    assert store.sweeps.names() == []
