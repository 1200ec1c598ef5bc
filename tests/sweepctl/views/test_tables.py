"""No table collapses, whatever is in it: at 80, 100 and 200 columns, and without a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from shared.config.compose import compose
from shared.config.frozen import to_plain
from shared.control.results import ranked
from shared.control.snapshot import Snapshot, describe
from shared.control.workers import LiveWorker, RunningWorkers
from shared.domain.audit import Attempt, Audit
from shared.domain.configuration import Configuration
from shared.domain.progress import Progress
from shared.domain.run import Failure, Run, RunState
from shared.domain.sweep import Sweep
from sweepctl.views.audit import audit_view
from sweepctl.views.live import render
from sweepctl.views.results import summary
from sweepctl.views.run import details_view
from sweepctl.views.runs import runs_table
from sweepctl.views.tables import GAP, TableColumn, chosen, fitted, fitted_table
from sweepctl.views.workers import workers_table

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

EACH_WIDTH = pytest.mark.parametrize("width", [80, 100, 200])
USUAL_NAME, LONG_NAME = "quick-20261125-183141", "a-name-that-says-everything-" * 3 + "and-more"
EACH_NAME = pytest.mark.parametrize("name", [USUAL_NAME, LONG_NAME])
MESSAGE = "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 79.10 GiB total capacity) " * 5
DOTTED = "trainer.model.encoder.block_{}.attention.projection.learning_rate_multiplier"
MANY = {DOTTED.format(number): 0.123456 * number for number in range(30)} | {"trainer.type": "adamw_with_" + "x" * 60}


def lines_of(view: RenderableType, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(view)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


@pytest.fixture(scope="module")
def sweep(a_sweep: ASweep) -> Sweep:
    config = to_plain(compose("quick", ["sweep_run=s"]).job)
    leader = Configuration(runs=(1,), score=1.0, cost=2.0)
    return a_sweep(config=config, limits={"max_runs": 12}, created=5, created_at=1000.0, leader=leader)


def called(sweep: Sweep, name: str) -> Sweep:
    return sweep.model_copy(update={"name": name})


def some_runs(a_run: ARun, name: str, params: dict[str, Any]) -> list[Run]:
    """A scored run, one that failed with a long message, one in progress, one that waits again."""
    failure = Failure(kind="user code", message=MESSAGE)
    states: list[tuple[RunState, dict[str, Any]]] = [
        (RunState.OBSERVED, {"score": -20480.123, "cost": 1.25e-5}),
        (RunState.FAILED, {"failure": failure, "attempt": 12}),
        (RunState.TRAINING, {}),
        (RunState.QUEUED, {"setback": MESSAGE}),
    ]
    return [
        a_run(state, sweep=name, id=f"{name}.r.{number}", number=number, params=params, **changes)
        for number, (state, changes) in enumerate(states, start=1)
    ]


# ------------------------------------------------------------------------------------------------ the layout


CELLS = st.lists(st.text(alphabet="abc .-", max_size=60), min_size=3, max_size=3)
COLUMNS = st.lists(
    st.builds(
        TableColumn,
        title=st.text(alphabet="abc", min_size=1, max_size=30),
        cells=CELLS,
        least=st.one_of(st.none(), st.integers(1, 20)),
        lines=st.integers(1, 4),
        optional=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@given(columns=COLUMNS, width=st.sampled_from([80, 100, 200]))
def test_a_table_keeps_its_width_and_each_column_its_least_width(columns: list[TableColumn], width: int) -> None:
    shown = chosen(columns, width)
    widths = fitted(shown, width)
    needed = sum(column.smallest for column in shown) + GAP * (len(shown) - 1)

    assert [column for column in columns if not column.optional] == [c for c in shown if not c.optional]
    if needed <= width:
        assert sum(widths) + GAP * (len(widths) - 1) <= width
        assert all(size >= column.smallest for size, column in zip(widths, shown, strict=True))
        lines_of(fitted_table(shown, width), width)


def test_the_widest_column_gives_way_first() -> None:
    columns = [
        TableColumn("a", ["x" * 10]),
        TableColumn("b", ["y" * 60], least=12),
        TableColumn("c", ["z" * 30], least=12),
    ]

    assert fitted(columns, 200) == [10, 60, 30]
    assert fitted(columns, 90) == [10, 46, 30]
    assert fitted(columns, 50) == [10, 18, 18]


def test_a_cell_loses_its_middle_in_one_line_and_its_end_in_several() -> None:
    columns = [
        TableColumn("", ["abcdefghijklmnopqrstuvwxyz"], least=9),
        TableColumn("", ["one two three four five"], least=9, lines=2),
    ]

    assert lines_of(fitted_table(columns, 20), 20) == ["abcd…wxyz  one two", "           three …"]


# ------------------------------------------------------------------------------------------------ the views


@EACH_WIDTH
@EACH_NAME
def test_the_runs_stay_readable_beside_a_long_failure_and_a_long_name(
    sweep: Sweep, a_run: ARun, width: int, name: str
) -> None:
    lines = lines_of(runs_table(some_runs(a_run, name, {"trainer.lr": 0.5}), called(sweep, name)), width)

    head = next(line for line in lines if line.startswith("run"))
    assert head.split()[:5] == ["run", "state", "attempt", "score", "cost"]
    for number, state, facts in ((1, "observed", "-2.048e+04  1.25e-05"), (2, "failed", "12"), (3, "training", "1")):
        (row,) = (line for line in lines if f"r.{number} " in line)
        assert state in row
        assert facts in row
    assert "RuntimeError: CUDA" in " ".join(lines)
    assert len(lines) < 20


@EACH_WIDTH
def test_parameters_that_have_no_room_are_counted_with_the_command_that_shows_them(
    sweep: Sweep, a_run: ARun, width: int
) -> None:
    lines = lines_of(runs_table(some_runs(a_run, "s", MANY), sweep), width)

    shown = sum("block_" in word for word in " ".join(lines[:2]).split())
    assert lines[-1] == f"{31 - shown} more parameters: `sweepctl runs s --all`"
    assert [line.split()[:2] for line in lines if line.startswith("s.r.")] == [
        ["s.r.1", "observed"],
        ["s.r.2", "failed"],
        ["s.r.3", "training"],
        ["s.r.4", "queued"],
    ]


@EACH_WIDTH
def test_a_name_that_is_too_long_for_the_table_is_written_once_above_it(sweep: Sweep, a_run: ARun, width: int) -> None:
    lines = lines_of(runs_table(some_runs(a_run, LONG_NAME, {}), called(sweep, LONG_NAME)), width)

    assert "".join(lines).replace(" ", "").startswith(f"r.Nisshortfor{LONG_NAME}.r.N")
    assert any(line.startswith("r.3  training") for line in lines)


@EACH_WIDTH
@EACH_NAME
def test_the_best_configurations_keep_their_values_beside_many_long_parameters(
    sweep: Sweep, a_run: ARun, width: int, name: str
) -> None:
    scored = [run.model_copy(update={"number": n}) for n in (1, 2, 3) for run in some_runs(a_run, name, MANY)[:1]]
    runs = [run.model_copy(update={"params": {**MANY, "trainer.x": float(run.number)}}) for run in scored]

    lines = lines_of(summary(called(sweep, name), ranked(runs, sweep), []), width)

    (score,) = (line for line in lines if line.startswith("score"))
    assert "-2.048e+04" in score
    assert all(any((f"block_{number}" in line and "…" in line) or width > 80 for line in lines) for number in range(30))


@EACH_WIDTH
@EACH_NAME
def test_the_status_keeps_its_columns_beside_a_long_failure_and_a_long_name(
    sweep: Sweep, a_run: ARun, width: int, name: str
) -> None:
    runs = some_runs(a_run, name, MANY)
    progress = {3: Progress(step=120_000, total_steps=250_000, metrics={"reward": 164.8}, curve=((1, 9.0), (2, 90.0)))}
    shot = Snapshot(
        sweep=called(sweep, name),
        counts={state: sum(run.state is state for run in runs) for state in RunState},
        unfinished=[run for run in runs if not run.is_finished],
        progress=progress,
        best=runs[0],
        workers=[],
        now=1060.0,
        is_private=True,
    )

    lines = lines_of(render(shot), width)

    assert {len(line) for line in lines} == {width}
    assert any("r.3  training  ━━━━━╌╌╌╌╌  120k/250k" in line and "164.8" in line for line in lines)
    assert any("r.4: RuntimeError: CUDA out of memory" in line for line in lines)
    assert "".join(line.strip("│ ") for line in lines).count(name) >= 1


@EACH_WIDTH
def test_of_one_run_nothing_is_cut(sweep: Sweep, a_run: ARun, width: int) -> None:
    failed = some_runs(a_run, LONG_NAME, MANY)[1]
    folder = f"/data/{LONG_NAME}/runs/{failed.id}"
    details = {**describe(failed, sweep), "standing": None, "moves": [], "folder": folder, "log": []}

    text = "".join("".join(lines_of(details_view(details), width)).split())

    for whole in (folder, "".join(MESSAGE.split()), DOTTED.format(29), "adamw_with_" + "x" * 60):
        assert fold(whole, text)


def fold(whole: str, text: str) -> bool:
    """Whether a text that was folded beside another column still has all of its characters, in order."""
    position = 0
    for character in whole:
        position = text.find(character, position) + 1
        if not position:
            return False
    return True


@EACH_WIDTH
@EACH_NAME
def test_the_workers_keep_their_columns_beside_many_runs(width: int, name: str) -> None:
    host = f"node-17.{'cluster.' * 6}example.org"
    usual = {"service": "trainer", "host": host, "pid": 7, "slots": 4, "version": "1", "gpus": tuple("01234567")}
    busy = tuple(f"{name}.r.{number}" for number in range(4))
    worker = LiveWorker(id=f"trainer@{host}:7", queues=("gpu", "gpu-large-a100-80gb"), busy=busy, **usual)

    lines = lines_of(workers_table(RunningWorkers((worker,), (), False)), width)

    assert lines[0].split() == ["worker", "queues", "slots", "GPUs", "runs"]
    assert lines[1].startswith("trainer@")
    assert ":7" in lines[1]
    assert "r.3" in "".join(lines)


@EACH_WIDTH
def test_the_attempts_of_an_audit_keep_their_columns(width: int) -> None:
    lost = Attempt(run=2, phase="training", worker=f"trainer@{'node.' * 20}:7", from_step=0, ended="lost")
    counts = {"suggested": 1, "observed": 1, "failed": 0, "cancelled": 0}

    lines = lines_of(audit_view(Audit(attempts=[lost], counts=counts)), width)

    assert lines[2].split() == ["run", "phase", "worker", "from", "step", "to", "step", "ended", "seconds", "lost"]
    assert lines[3].split()[:2] == ["2", "training"]
