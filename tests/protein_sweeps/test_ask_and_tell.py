"""Ask and tell: a sweep in the store whose runs a program carries out itself. A real server."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import protein_sweeps as ps
from shared.store.store import Store

SPACE = {"x": ps.uniform(0, 1), "kind": ps.choice(["a", "b"])}


@pytest.fixture(autouse=True)
def place(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use the test's folder and the test's server."""
    monkeypatch.setenv("REDIS_URL", store.url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def sweep() -> Iterator[ps.Sweep]:
    """A sweep of three runs."""
    with ps.Sweep.create("mine", SPACE, goal="maximize", max_runs=3) as created:
        yield created


def test_a_run_that_was_asked_for_has_the_parameters_of_the_space_and_its_result_is_kept(sweep: ps.Sweep) -> None:
    run = sweep.ask()
    recorded = sweep.tell(run, score=0.8, cost=12.0, metrics={"loss": 0.2})

    assert (run.id, set(run.params)) == ("mine.r.1", {"x", "kind"})
    assert (recorded.state, recorded.score, recorded.cost, recorded.metrics["loss"]) == ("observed", 0.8, 12.0, 0.2)
    assert sweep.best().params == run.params


def test_the_cost_is_the_time_since_the_run_was_asked_for_unless_it_is_given(sweep: ps.Sweep) -> None:
    recorded = sweep.tell(sweep.ask(), score=1)

    assert recorded.cost is not None
    assert 0 < recorded.cost < 60


def test_several_runs_can_be_asked_for_before_a_result_is_reported(sweep: ps.Sweep) -> None:
    runs = [sweep.ask() for _ in range(3)]

    assert [run.id for run in runs] == ["mine.r.1", "mine.r.2", "mine.r.3"]
    assert len({run.params["x"] for run in runs}) == 3
    with pytest.raises(ps.Conflict, match="its budget is in progress; tell the results"):
        sweep.ask()


def test_a_sweep_ends_with_its_budget_and_continues_with_a_larger_one(sweep: ps.Sweep) -> None:
    for run in sweep.ask_all():
        sweep.tell(run, score=run.params["x"])

    assert (sweep.state, len(sweep.runs)) == ("finished", 3)
    with pytest.raises(ps.Conflict, match="finished: all 3 runs done"):
        sweep.ask()
    sweep.set(max_runs=4)
    sweep.tell(sweep.ask(), score=0.5)
    assert [run.state for run in sweep.runs] == ["observed"] * 4


def test_a_failure_has_its_reason_and_no_score(sweep: ps.Sweep) -> None:
    recorded = sweep.tell(sweep.ask(), failed="out of memory")

    assert (recorded.state, recorded.failure, recorded.score) == ("failed", "out of memory", None)
    with pytest.raises(ps.NotFound, match="no run of sweep mine has a score; the last failure: out of memory"):
        sweep.best()


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"score": math.nan}, "score is nan: expected a finite number: use failed=True for a run that diverged"),
        ({"score": 1.0, "cost": math.inf}, "cost is inf: expected a finite number"),
        ({"score": 1.0, "cost": -1.0}, "cost is -1.0: it must not be negative"),
        ({}, "give either a score or failed=True"),
        ({"score": 1.0, "failed": True}, "give either a score or failed=True"),
    ],
)
def test_a_result_that_cannot_be_used_is_refused_with_the_reason_and_the_run_stays_open(
    sweep: ps.Sweep, result: dict[str, float], reason: str
) -> None:
    run = sweep.ask()

    with pytest.raises(ValueError, match=reason):
        sweep.tell(run, **result)  # type: ignore[arg-type]

    assert sweep.tell(run, score=1.0).state == "observed"


def test_a_second_result_of_a_run_is_refused(sweep: ps.Sweep) -> None:
    run = sweep.ask()
    sweep.tell(run, score=1.0)

    with pytest.raises(ps.Conflict, match=r"run mine\.r\.1 is observed"):
        sweep.tell(run, score=2.0)

    assert sweep.runs[0].score == 1.0


def test_a_run_without_a_result_can_be_asked_for_again_after_the_program_ended(sweep: ps.Sweep) -> None:
    first = sweep.ask()
    sweep.close()

    with ps.load_sweep("mine") as again:
        second = again.ask()

    assert (second.id, second.params) == (first.id, first.params)


def test_the_result_of_a_run_whose_program_was_killed_can_be_reported_by_its_id(place: Path, store: Store) -> None:
    program = (
        "import os, protein_sweeps as ps\n"
        f"sweep = ps.Sweep.create('mine', {SPACE!r}, max_runs=3)\n"
        "print(sweep.ask().id, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "SWEEP_LEASE_SECONDS": "0.5", "SWEEP_HEARTBEAT_SECONDS": "0.1"}
    killed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert killed.stdout.strip() == "mine.r.1", killed.stderr

    with ps.load_sweep("mine") as sweep:
        recorded = sweep.tell("mine.r.1", score=0.5)

    assert (recorded.state, recorded.attempt) == ("observed", 2)


def test_enqueued_parameters_are_those_of_the_next_run(sweep: ps.Sweep) -> None:
    asked = sweep.enqueue(x=0.25)

    assert dict(asked) == {"x": 0.25, "kind": "a"}
    assert sweep.ask().params == asked


def test_a_paused_sweep_has_no_run_to_ask_for_until_it_is_resumed(sweep: ps.Sweep) -> None:
    sweep.pause()
    with pytest.raises(ps.Conflict, match=r"paused: paused by hand; call resume\(\) to continue it"):
        sweep.ask()

    sweep.resume()
    assert sweep.ask().number == 1


def test_a_stopped_sweep_ends_with_the_results_of_its_runs(sweep: ps.Sweep) -> None:
    run = sweep.ask()
    sweep.stop()
    assert sweep.state == "stopping"

    sweep.tell(run, score=1.0)

    assert sweep.state == "finished"
    assert next(reversed(list(sweep.watch()))).kind == "finished"


def test_watch_yields_all_events_until_the_end(sweep: ps.Sweep) -> None:
    for run in sweep.ask_all():
        sweep.tell(run, score=1.0)

    events = list(sweep.watch())

    of_the_first = [event.kind for event in events if event.run == "mine.r.1"]
    assert of_the_first == ["suggested", "claimed", "observed"]
    assert events[-1].kind == "finished"
    assert all(event.at > 1e9 for event in events)


def test_the_same_name_with_another_space_is_refused_and_with_the_same_one_continues(sweep: ps.Sweep) -> None:
    sweep.tell(sweep.ask(), score=1.0)

    with ps.Sweep.create("mine", SPACE, goal="maximize", max_runs=3) as again:
        assert len(again.runs) == 1
    with pytest.raises(ps.Conflict, match="exists with another config"):
        ps.Sweep.create("mine", {"x": ps.uniform(0, 2)}, max_runs=3)


def test_conditions_constraints_and_the_length_are_given_by_names(place: Path) -> None:
    space = {
        "optimizer": ps.choice(["adam", "sgd"]),
        "momentum": ps.uniform(0, 1, when={"optimizer": "sgd"}),
        "low": ps.uniform(0, 1),
        "high": ps.uniform(0, 1),
        "epochs": ps.log_uniform(1, 100, integer=True),
    }

    with ps.Sweep.create(
        "c", space, max_runs=12, method="random", constraints=["low <= high"], protein={"cost_param": "epochs"}
    ) as sweep:
        for run in sweep.ask_all():
            sweep.tell(run, score=1.0)
        runs = sweep.runs

    assert all(run.params["low"] <= run.params["high"] for run in runs)
    assert {run.params["optimizer"] for run in runs if "momentum" in run.params} == {"sgd"}
    assert all(isinstance(run.params["epochs"], int) for run in runs)


def test_the_table_has_a_row_for_each_run(sweep: ps.Sweep) -> None:
    pytest.importorskip("pandas")
    sweep.tell(sweep.ask(), score=1.0, cost=2.0)

    table = sweep.to_pandas()

    assert list(table["score"]) == [1.0]
    assert {"id", "x", "kind", "cost", "state", "metrics.score"} <= set(table.columns)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_run": 5}, r"unknown limit \(did you mean max_runs\?\)"),
        ({"max_runs": 0}, "budget.max_runs"),
    ],
)
def test_a_limit_that_is_not_possible_is_refused(sweep: ps.Sweep, change: dict[str, int], reason: str) -> None:
    with pytest.raises(ps.ConfigError, match=reason):
        sweep.set(**change)


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        ({}, "expected at least one parameter"),
        ({"x": ps.uniform(1, 0)}, "min"),
        ({"x": 3}, "x"),
        ({"x": ps.log_uniform(0, 1)}, "x"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_and_nothing_is_created(
    store: Store, space: dict[str, object], reason: str
) -> None:
    with pytest.raises(ps.ConfigError, match=reason):
        ps.Sweep.create("bad", space)

    assert store.sweeps.names() == []


def test_a_sweep_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(ps.NotFound, match="nothing"):
        ps.load_sweep("nothing")
