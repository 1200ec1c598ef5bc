"""How long a run really was, and what its curve says of shorter ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.learning_curve import earlier_points, trained_length
from shared.domain.parameter import Parameter
from shared.domain.progress import Progress
from shared.domain.run import EarlierPoint

EPOCHS = Parameter("trainer.epochs", "int_uniform", min=10, max=200)
STEPS = Parameter("trainer.steps", "log_normal", min=1000.0, max=1e6, is_integer=True)
POWER = Parameter("trainer.power", "uniform_pow2", min=16, max=1024)
FRACTION = Parameter("trainer.share", "uniform", min=0.1, max=1.0)


def reported(*points: tuple[int, float, float]) -> Progress:
    """Points are (step, metric, spent)."""
    progress = Progress()
    for step, value, spent in points:
        progress = progress.after(step, {"reward": value}, metric="reward", spent=spent)
    return progress


def earlier(progress: Progress, parameter: Parameter = EPOCHS, **changes: Any) -> tuple[EarlierPoint, ...]:
    usual = {"length": 160, "steps": 1600, "score": 16.0, "cost": 32.0, "own_cost": False}
    return earlier_points(progress, parameter, **{**usual, **changes})


EVEN = reported(*((step, step / 100, step / 50) for step in range(100, 1700, 100)))


# ------------------------------------------------------------------------------------------------ the length it had


@pytest.mark.parametrize(
    ("parameter", "suggested", "steps", "of_steps", "length"),
    [
        (EPOCHS, 100, 500, 1000, 50),
        (EPOCHS, 100, 512, 1000, 51),
        (EPOCHS, 100, 3, 1000, 10),  # shorter than the space has it
        (POWER, 512, 300, 1000, 128),  # 153.6, the nearest power of two on its scale
        (STEPS, 50_000, 12_345, 50_000, 12_345),
        (FRACTION, 0.8, 1, 2, 0.4),
    ],
)
def test_a_run_that_was_stopped_early_has_the_legal_length_nearest_to_the_one_it_had(
    parameter: Parameter, suggested: float, steps: int, of_steps: int, length: float
) -> None:
    trained = trained_length(parameter, suggested, steps=steps, of_steps=of_steps)

    assert trained == {parameter.path: length}
    assert parameter.check(trained[parameter.path]) == length


def test_one_that_went_to_its_end_or_beyond_has_the_length_that_was_suggested() -> None:
    assert trained_length(EPOCHS, 100, steps=1000, of_steps=1000) == {}
    assert trained_length(EPOCHS, 100, steps=1200, of_steps=1000) == {}


# ------------------------------------------------------------------------------------------------ its curve


def test_a_curve_tells_of_runs_an_eighth_a_quarter_and_a_half_as_long() -> None:
    assert earlier(EVEN) == (
        EarlierPoint(params={"trainer.epochs": 20}, score=2.0, cost=4.0),
        EarlierPoint(params={"trainer.epochs": 40}, score=4.0, cost=8.0),
        EarlierPoint(params={"trainer.epochs": 80}, score=8.0, cost=16.0),
    )


def test_a_length_that_is_not_in_the_space_is_left_out() -> None:
    assert [point.params["trainer.epochs"] for point in earlier(EVEN, length=40)] == [10, 20]


def test_a_score_of_another_measure_moves_the_whole_curve() -> None:
    assert [point.score for point in earlier(EVEN, score=20.0)] == [6.0, 8.0, 12.0]


def test_what_comes_after_the_training_is_part_of_the_cost_of_a_shorter_run_too() -> None:
    assert [point.cost for point in earlier(EVEN, cost=42.0)] == [14.0, 18.0, 26.0]


def test_a_cost_in_a_unit_of_its_own_is_divided_as_what_was_spent() -> None:
    assert [point.cost for point in earlier(EVEN, cost=8.0, own_cost=True)] == [1.0, 2.0, 4.0]


def test_the_nearest_points_that_were_reported_stand_for_themselves() -> None:
    few = reported((300, 3.0, 6.0), (1000, 10.0, 20.0), (1600, 16.0, 32.0))

    assert [(point.params["trainer.epochs"], point.score) for point in earlier(few)] == [(30, 3.0), (100, 10.0)]


@pytest.mark.parametrize("progress", [Progress(), reported((1600, 16.0, 32.0)), reported((0, 1.0, 0.0))])
def test_a_curve_without_a_point_on_the_way_says_nothing(progress: Progress) -> None:
    assert earlier(progress) == ()


def test_a_point_that_cost_nothing_as_far_as_is_known_is_left_out() -> None:
    free = reported(*((step, step / 100, 0.0) for step in range(100, 1700, 100)))

    assert earlier(free, cost=0.0) == ()


@given(
    st.sampled_from([EPOCHS, STEPS, POWER, FRACTION]),
    st.floats(0.0, 1.0),
    st.lists(st.integers(1, 10_000), min_size=1, max_size=80, unique=True),
)
def test_every_point_is_legal_shorter_than_the_run_and_there_once(
    parameter: Parameter, unit: float, steps: list[int]
) -> None:
    length = parameter.decode(unit)
    assert isinstance(length, int | float)
    progress = reported(*((step, float(step), step / 2) for step in sorted(steps)))

    found = earlier(progress, parameter, length=length, steps=max(steps), cost=max(steps) / 2)

    lengths = [point.params[parameter.path] for point in found]
    assert len(lengths) <= 3
    assert all(parameter.check(value) == value and value < length for value in lengths)
    assert lengths == sorted(set(lengths))
    assert all(point.cost > 0 for point in found)
