"""How a run in training is getting on, in a few points."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.progress import MOST_POINTS, Progress


def reported(steps: list[int]) -> Progress:
    progress = Progress()
    for step in steps:
        progress = progress.after(step, {"reward": float(step)}, metric="reward")
    return progress


def test_a_report_updates_the_metrics_and_adds_a_point_of_the_sweeps_metric() -> None:
    progress = Progress(total_steps=100).after(1, {"reward": 1.0, "loss": 5.0}, metric="reward")
    progress = progress.after(2, {"loss": 4.0}, metric="reward")

    assert (progress.step, progress.total_steps) == (2, 100)
    assert progress.metrics == {"reward": 1.0, "loss": 4.0}
    assert progress.curve == ((1, 1.0),)


@given(st.integers(1, 1000))
def test_a_curve_has_at_most_64_points_evenly_spaced_and_ends_with_the_last(reports: int) -> None:
    curve = reported(list(range(1, reports + 1))).curve

    assert len(curve) <= MOST_POINTS == 64
    assert len(curve) >= min(reports, MOST_POINTS // 2)
    assert curve[-1] == (reports, float(reports))
    assert [step for step, _ in curve] == sorted({step for step, _ in curve})


def test_points_of_a_lost_attempt_beyond_the_step_it_resumed_at_are_dropped() -> None:
    progress = reported([10, 20, 30, 40]).after(25, {"reward": -1.0}, metric="reward")

    assert progress.curve == ((10, 10.0), (20, 20.0), (25, -1.0))
    assert progress.step == 25


def test_each_point_knows_what_had_been_spent_by_then() -> None:
    progress = Progress()
    for step in range(1, 200):
        progress = progress.after(step, {"reward": 1.0}, metric="reward", spent=step / 2)

    assert len(progress.points()) == len(progress.spent) == len(progress.curve) <= MOST_POINTS
    assert all(point.spent == point.step / 2 for point in progress.points())


def test_a_curve_without_reported_costs_has_cost_nothing() -> None:
    progress = Progress(curve=((1, 0.5), (2, 0.75))).after(3, {"reward": 1.0}, metric="reward", spent=9.0)

    assert [tuple(point) for point in progress.points()] == [(1, 0.5, 0.0), (2, 0.75, 0.0), (3, 1.0, 9.0)]


def test_an_attempt_that_continues_from_a_checkpoint_drops_later_reports() -> None:
    progress = reported([10, 20, 30]).resumed(20, attempt=2)

    assert (progress.attempt, progress.step, progress.curve) == (2, 20, ((10, 10.0), (20, 20.0)))
    assert progress.resumed(0, attempt=3).points() == []


def test_a_second_report_of_a_step_replaces_the_first() -> None:
    assert reported([10, 20]).after(20, {"reward": 0.0}, metric="reward").curve == ((10, 10.0), (20, 0.0))


def test_what_is_no_finite_number_is_left_out_so_that_the_record_can_be_read_back() -> None:
    progress = Progress().after(1, {"reward": math.nan, "loss": math.inf, "speed": 1.0}, metric="reward")

    assert (progress.metrics, progress.curve) == ({"speed": 1.0}, ())
    assert Progress.model_validate_json(progress.model_dump_json()) == progress


def test_the_first_step_that_an_attempt_tells_of_is_kept_until_the_next_attempt() -> None:
    progress = Progress().resumed(0, attempt=1).after(5, {}, metric="reward").begun(7).after(9, {}, metric="reward")

    assert progress.began == 5
    assert progress.resumed(5, attempt=2).began is None
    assert progress.resumed(5, attempt=2).begun(6).began == 6
