"""The numbers of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.domain.run import EarlyStop, Failure, Prediction, RunState
from sweepctl.report.analysis import (
    calibration_of,
    failures_by_message,
    fifths,
    scored_runs,
    thinned,
)

if TYPE_CHECKING:
    from tests.conftest import ARun

STOP = EarlyStop(step=9, score=0.5, cost=1.0, why="worse than the others")


def test_runs_stand_in_the_order_in_which_they_ended_and_failed_ones_cost_too(a_run: ARun) -> None:
    runs = [
        a_run(RunState.OBSERVED, number=1, score=5.0, cost=2.0),
        a_run(RunState.FAILED, number=2, cost=3.0),
        a_run(RunState.OBSERVED, number=3, score=4.0, cost=1.0),
        a_run(RunState.TRAINING, number=4),
    ]

    points = scored_runs(runs, {1: 30.0, 2: 10.0, 3: 20.0}, goal="maximize")

    assert [(p.run, p.order, p.spent, p.best, p.leads) for p in points] == [
        (3, 2, 4.0, 4.0, True),
        (1, 3, 6.0, 5.0, True),
    ]


def test_the_best_so_far_is_the_least_where_less_is_better(a_run: ARun) -> None:
    runs = [a_run(RunState.OBSERVED, number=n, score=score, cost=1.0) for n, score in enumerate([3.0, 1.0, 2.0], 1)]

    points = scored_runs(runs, {}, goal="minimize")

    assert [point.best for point in points] == [3.0, 1.0, 1.0]
    assert [point.seconds for point in points] == [None] * 3
    assert fifths(points, goal="minimize") == {2: 4, 3: 3, 1: 1}


def test_of_a_run_that_was_stopped_early_the_length_is_shown_that_it_had(a_run: ARun) -> None:
    run = a_run(RunState.OBSERVED, params={"trainer.x": 8}, trained={"trainer.x": 3}, early_stop=STOP)

    (point,) = scored_runs([run], {}, goal="maximize")

    assert (point.params, point.stopped) == ({"trainer.x": 3}, True)


@pytest.mark.parametrize("most", [1, 7, 10, 99, 100, 1000])
def test_what_is_thinned_keeps_its_order_its_ends_and_what_is_to_be_kept(most: int) -> None:
    items = [float(number) for number in range(100)]

    shown = thinned(items, most, keep=[items[42]])

    assert len(shown) <= most
    assert shown == sorted(shown)
    assert items[42] in shown
    assert most < 3 or {0.0, 99.0} <= set(shown)


def test_failures_with_one_message_stand_together_the_most_frequent_first(a_run: ARun) -> None:
    messages = ["nan", "out of memory", "out of memory"]
    runs = [
        a_run(RunState.FAILED, number=n, failure=Failure(kind="user code", message=message))
        for n, message in enumerate(messages, 1)
    ]

    assert [(group.message, group.runs) for group in failures_by_message(runs)] == [
        ("out of memory", (2, 3)),
        ("nan", (1,)),
    ]


def test_predictions_are_judged_with_the_noise_and_without_runs_that_were_stopped(a_run: ARun) -> None:
    reported = Prediction(source="local", score=10.0, score_std=1.0, cost=4.0, log_cost_std=0.1)
    runs = [
        a_run(RunState.OBSERVED, number=1, score=13.0, cost=8.0, prediction=reported),
        a_run(RunState.OBSERVED, number=2, score=11.0, cost=2.0, prediction=reported),
        a_run(RunState.OBSERVED, number=3, score=99.0, cost=4.0, prediction=reported, early_stop=STOP),
        a_run(RunState.OBSERVED, number=4, score=1.0, cost=1.0),
    ]

    strict, wide = calibration_of(runs, noise=None), calibration_of(runs, noise=2.0)

    assert (strict.inside, strict.judged) == (1, 2)
    assert (wide.inside, wide.judged) == (2, 2)
    assert wide.cost_ratio == pytest.approx(1.0)
