"""Runs as observations: a table for other programs, and what a new sweep learns from earlier ones."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.control.observations import as_csv
from shared.control.submit import submit
from shared.control.write import write_output
from shared.domain.errors import ConfigError, NotFound
from shared.domain.events import SweepSubmitted
from shared.domain.run import EarlyStop, Run, RunState
from shared.store.store import Store
from tests.logs import events_of

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep

RATE = "trainer.optimizer.learning_rate"


def a_table(folder: Path, *rows: str, header: str = f"run,state,score,cost,{RATE}") -> str:
    path = folder / "runs.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def warmed(store: Store, a_job: AJob, source: str, *overrides: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    submitted = submit(store, a_job(f"sweep.warm_start=['{source}']", *overrides))
    (born,) = events_of(store, SweepSubmitted)
    return [earlier.model_dump() for earlier in born.observations], submitted.notes


def test_a_table_has_all_of_a_run_and_reads_back_to_the_bit(a_run: ARun) -> None:
    runs = [
        a_run(RunState.OBSERVED, number=1, score=0.1 + 0.2, cost=3.0, params={"a": 1e-300}, metrics={"loss": 0.5}),
        a_run(RunState.FAILED, number=2, params={"a": 0.7, "kind": "x,y"}),
    ]

    first, second = csv.DictReader(io.StringIO(as_csv(runs)))

    assert (float(first["score"]), float(first["a"]), float(first["metrics.loss"])) == (0.1 + 0.2, 1e-300, 0.5)
    assert (first["state"], second["state"], second["score"], second["kind"]) == ("observed", "failed", "", "x,y")


def test_a_run_that_was_stopped_early_is_listed_with_the_length_that_it_had(a_run: ARun) -> None:
    stop = EarlyStop(step=40, score=0.5, cost=1.0, why="worse than the others")
    run = a_run(RunState.OBSERVED, params={"x": 0.5, "steps": 100}, early_stop=stop, trained={"steps": 45})

    (row,) = csv.DictReader(io.StringIO(as_csv([run])))

    assert (row["stopped_early"], row["x"], row["steps"]) == ("40", "0.5", "45")


def test_a_sweep_learns_from_the_length_that_a_run_of_an_earlier_one_had(
    store: Store, a_job: AJob, a_run: ARun, a_sweep: ASweep
) -> None:
    earlier = store.sweeps.create(a_sweep(name="earlier"))
    run = a_run(RunState.OBSERVED, sweep="earlier", params={RATE: 0.0002}, trained={RATE: 0.0003})
    store.sweeps.commit(earlier, earlier.move(""), [run])

    known, _ = warmed(store, a_job, "earlier")

    assert [observation["params"] for observation in known] == [{RATE: 0.0003}]


def test_a_sweep_learns_from_a_table_and_says_how_much_of_it_fits(store: Store, a_job: AJob, tmp_path: Path) -> None:
    rows = ["o.r.1,observed,1.5,20,0.0002", "o.r.2,failed,,5,0.0003", "o.r.3,observed,9,20,7", "o.r.4,queued,,,0.0004"]

    known, notes = warmed(store, a_job, a_table(tmp_path, *rows))

    assert known == [
        {"params": {RATE: 0.0002}, "score": 1.5, "cost": 20.0},
        {"params": {RATE: 0.0003}, "score": None, "cost": 5.0},
    ]
    assert notes == (f"warm start from {tmp_path}/runs.csv: 2 of 3 runs fit this space",)


def test_a_parameter_that_an_earlier_run_did_not_have_is_taken_from_the_centre(
    store: Store, a_job: AJob, tmp_path: Path
) -> None:
    known, _ = warmed(store, a_job, a_table(tmp_path, "1.0,2.0,8", header="score,cost,trainer.other"))

    assert known == [{"params": {RATE: 0.0005}, "score": 1.0, "cost": 2.0}]


def test_what_an_earlier_run_has_for_an_inactive_parameter_is_dropped(
    store: Store, a_job: AJob, tmp_path: Path
) -> None:
    header = "score,cost,trainer.optimizer.type,trainer.optimizer.momentum"
    table = a_table(tmp_path, "1,2,adam,0.9", "3,4,sgd,0.9", "5,6,adam,", "7,8,adam,77", "9,9,sgd,77", header=header)
    momentum = "momentum: {distribution: uniform, min: 0, max: 1, when: {trainer.optimizer.type: sgd}}"
    kind = "type: {distribution: categorical, values: [adam, sgd]}"

    known, notes = warmed(store, a_job, table, f"+sweep.parameters.trainer.optimizer={{{kind}, {momentum}}}")

    adam = {RATE: 0.0005, "trainer.optimizer.type": "adam"}
    sgd = {RATE: 0.0005, "trainer.optimizer.type": "sgd", "trainer.optimizer.momentum": 0.9}
    assert [observation["params"] for observation in known] == [adam, sgd, adam, adam]
    assert notes[0].endswith("4 of 5 runs fit this space")


def test_a_sweep_learns_from_another_one_of_its_store(store: Store, a_job: AJob, a_sweep: ASweep, a_run: ARun) -> None:
    earlier = store.sweeps.create(a_sweep(name="old"))
    done: Run = a_run(RunState.OBSERVED, number=1, score=2.0, cost=3.0, params={RATE: 0.0003})
    done = done.model_copy(update={"id": "old.r.1", "sweep": "old"})
    store.sweeps.commit(earlier, earlier.move("", created=1), [done])

    known, notes = warmed(store, a_job, "old")

    assert known == [{"params": {RATE: 0.0003}, "score": 2.0, "cost": 3.0}]
    assert notes == ("warm start from old: 1 of 1 runs fit this space",)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("a,b", "1,2", "runs.csv:1: got the columns a, b; expected score, cost and one for each parameter"),
        ("score,cost", "x,1", "runs.csv:2: score is 'x': expected a finite number"),
        ("score,cost", "inf,1", "runs.csv:2: score is 'inf': expected a finite number"),
        ("score,cost", "1,", "runs.csv:2: cost: missing; give the cost of every run"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_and_no_sweep_is_made(
    store: Store, a_job: AJob, tmp_path: Path, header: str, row: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        warmed(store, a_job, a_table(tmp_path, row, header=header))

    assert str(caught.value).endswith(message)
    assert store.sweeps.find("s") is None


def test_a_source_that_is_not_there_is_reported(store: Store, a_job: AJob, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; give the path of a table"):
        warmed(store, a_job, str(tmp_path / "gone.csv"))
    with pytest.raises(NotFound, match="no sweep nobody in this store"):
        warmed(store, a_job, "nobody")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="not a table of text"):
        warmed(store, a_job, str(tmp_path / "binary.csv"))


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    write_output("a,b\n", tmp_path / "new" / "out.csv")
    assert (tmp_path / "new" / "out.csv").read_text() == "a,b\n"
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="choose another --output"):
        write_output("a,b\n", tmp_path / "file" / "out.csv")
    with pytest.raises(ConfigError, match="is a folder; name a file in it with --output"):
        write_output("a,b\n", tmp_path)
