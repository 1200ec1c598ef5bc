"""The parts of the full-screen view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from shared.domain.progress import Progress
from shared.domain.run import RunState
from shared.store.fleet import LiveWorker
from sweepctl.views.watch_parts import FILTERS, Order, arranged, columns, head_of, row_of, workers_of

if TYPE_CHECKING:
    from tests.conftest import ARun

PARAMS = {"trainer.optimizer.learning_rate": "learning_rate", "trainer.x": "x"}


@pytest.mark.parametrize(
    ("order", "goal", "expected"),
    [
        (Order(), "maximize", [4, 3, 2, 1]),
        (Order("number", upside_down=True), "maximize", [1, 2, 3, 4]),
        (Order("score"), "maximize", [2, 1, 3, 4]),
        (Order("score"), "minimize", [3, 1, 2, 4]),
        (Order("score", upside_down=True), "maximize", [3, 1, 2, 4]),
        (Order("cost"), "maximize", [1, 2, 3, 4]),
        (Order("cost", upside_down=True), "maximize", [3, 2, 1, 4]),
        (Order(state="queued"), "maximize", [4]),
        (Order(state="unfinished"), "maximize", [4]),
        (Order(state="failed"), "maximize", []),
    ],
)
def test_runs_are_sorted_with_the_better_ones_first_and_those_without_a_value_last(
    a_run: ARun, order: Order, goal: str, expected: list[int]
) -> None:
    runs = [
        a_run(RunState.OBSERVED, number=1, score=2.0, cost=1.0),
        a_run(RunState.OBSERVED, number=2, score=3.0, cost=2.0),
        a_run(RunState.OBSERVED, number=3, score=1.0, cost=3.0),
        a_run(number=4),
    ]

    assert [run.number for run in arranged(runs, order, goal=goal)] == expected


def test_the_same_key_again_reverses_the_order_and_another_key_starts_a_new_order() -> None:
    by_score = Order().sorted_by("score")

    assert by_score == Order("score")
    assert by_score.sorted_by("score") == Order("score", upside_down=True)
    assert by_score.sorted_by("score").sorted_by("score") == by_score
    assert by_score.sorted_by("score").sorted_by("cost") == Order("cost")


def test_the_filter_goes_round() -> None:
    order = Order("score")
    for _ in FILTERS:
        order = order.next_filter()

    assert order == Order("score")


@pytest.mark.parametrize("width", [40, 78, 100, 138, 250])
def test_a_line_fits_the_width_if_the_fixed_columns_do(a_run: ARun, width: int) -> None:
    shown = columns(width, PARAMS, metric="a metric with a long name", leading=(1,))
    run = a_run(RunState.FAILED, attempt=12, number=123456, setback="x" * 300)

    for line in (head_of(shown), row_of(run, Progress(total_steps=10**9, step=5), shown)):
        assert line.cell_len <= max(width, 70)


def test_parameters_get_the_room_that_is_left(a_run: ARun) -> None:
    titles = [
        [column.title for column in columns(width, PARAMS, metric="reward", leading=())] for width in (78, 90, 120)
    ]

    assert "learning_rate" not in titles[0]
    assert "learning_rate" in titles[1]
    assert titles[2][-3:] == ["learning_rate", "x", ""]


def test_a_worker_is_shown_with_its_gpus_and_runs_those_of_other_sweeps_in_full() -> None:
    worker = LiveWorker(
        id="trainer@node:1",
        service="trainer",
        host="node",
        pid=1,
        queues=("gpu",),
        slots=4,
        busy=("s.r.3", "other.r.4"),
        gpus=("0", "1"),
        version="1",
    )
    console = Console(width=100)

    with console.capture() as reported:
        console.print(workers_of([worker], "s"))

    assert " ".join(reported.get().splitlines()[1].split()) == "trainer@node:1 gpu 2 of 4 0,1 r.3, other.r.4"
