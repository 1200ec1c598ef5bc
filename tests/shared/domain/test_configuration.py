"""Which configuration is the best, and how sure that is."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.special import stdtrit

from shared.domain.configuration import (
    ENOUGH_DEGREES,
    Configuration,
    Noise,
    Outcome,
    best_first,
    bounds,
    fitted_noise,
    outcomes_of,
    pooled_noise,
    student_quantile,
)
from shared.domain.run import RunState

if TYPE_CHECKING:
    from tests.conftest import ARun


def outcomes(*scores: tuple[str, float] | tuple[str, float, float]) -> list[Outcome]:
    """Runs 1, 2, ...: the name of the configuration, its score, and its cost."""
    return [Outcome(n, {"x": name}, score, *(cost or (1.0,))) for n, (name, score, *cost) in enumerate(scores, start=1)]


def order(found: list[Configuration]) -> list[tuple[int, ...]]:
    return [one.runs for one in found]


KNOWN: dict[str, Any] = {"n": 9, "noise": [2.0, 30.0]}


# ------------------------------------------------------------------------------------------------ the order


def test_without_noise_the_order_is_that_of_the_scores_and_of_equal_ones_the_cheaper_is_first() -> None:
    runs = outcomes(("a", 0.5), ("b", 0.9, 5.0), ("c", 0.9, 2.0), ("d", -1.0))

    for memory in ({}, {"n": 3}, {"noise": None}, {"noise": [0.0, 12.0]}):
        assert order(best_first(runs, goal="maximize", memory=memory)) == [(3,), (2,), (1,), (4,)]
        assert order(best_first(runs, goal="minimize", memory=memory)) == [(4,), (1,), (3,), (2,)]
        assert {one.low for one in best_first(runs, goal="maximize", memory=memory)} == {None}


def test_where_no_configuration_ran_twice_noise_changes_no_order() -> None:
    rng = np.random.default_rng(0)
    runs = outcomes(*((str(k), float(score)) for k, score in enumerate(rng.standard_normal(50))))

    for goal in ("maximize", "minimize"):
        exact, noisy = best_first(runs, goal=goal, memory={}), best_first(runs, goal=goal, memory=KNOWN)
        assert order(exact) == order(noisy)


def test_a_configuration_scores_the_mean_of_its_runs_and_names_its_best_run_first() -> None:
    (one,) = best_first(outcomes(("a", 1.0, 3.0), ("a", 4.0, 5.0), ("a", 1.0, 1.0)), goal="maximize", memory={})
    (other,) = best_first(outcomes(("a", 1.0, 3.0), ("a", 4.0, 5.0)), goal="minimize", memory={})

    assert (one.runs, one.score, one.cost) == ((2, 1, 3), 2.0, 3.0)
    assert other.runs == (1, 2)


def test_one_lucky_run_does_not_beat_a_good_mean_of_three() -> None:
    runs = outcomes(("good", 10.0), ("lucky", 11.0), ("good", 10.5), ("good", 9.5))

    assert best_first(runs, goal="maximize", memory=KNOWN)[0].runs == (3, 1, 4)
    assert best_first(runs, goal="maximize", memory={})[0].runs == (2,)


def test_a_run_that_is_better_by_more_than_noise_can_be_wins_alone() -> None:
    runs = outcomes(("good", 10.0), ("better", 25.0), ("good", 10.5), ("good", 9.5))

    assert best_first(runs, goal="maximize", memory=KNOWN)[0].runs == (2,)


def test_equal_scores_have_that_score_as_their_mean_to_the_bit() -> None:
    for score in (0.1, 1 / 3, 1e300, 480.0):
        (one,) = best_first(outcomes(*[("a", score)] * 7), goal="maximize", memory={})
        assert one.score == score


def test_parameters_in_another_order_are_the_same_configuration() -> None:
    runs = [Outcome(1, {"x": 1, "y": "a"}, 1.0, 1.0), Outcome(2, {"y": "a", "x": 1.0}, 3.0, 1.0)]

    assert order(best_first(runs, goal="maximize", memory={})) == [(2, 1)]


def test_only_runs_with_a_score_count(a_run: ARun) -> None:
    runs = [a_run(RunState.OBSERVED, number=1, score=3.0), a_run(RunState.FAILED, number=2), a_run(number=3)]

    assert outcomes_of(runs) == [Outcome(1, {"trainer.x": 0.5}, 3.0, 2.0)]
    assert best_first([], goal="maximize", memory=KNOWN) == []


# ------------------------------------------------------------------------------------------------ the noise


def test_the_noise_is_what_the_surrogate_found_out() -> None:
    assert fitted_noise(KNOWN) == Noise(2.0, 30.0)
    assert fitted_noise({"n": 1}) is None
    assert fitted_noise({"noise": None}) is None


def test_without_a_surrogate_repeated_runs_tell_the_noise_when_there_are_enough_of_them() -> None:
    few, enough = [[1.0, 3.0], [7.0], [2.0, 2.0, 2.0]], [[1.0, 3.0], [7.0], [2.0, 2.0, 2.0], [0.0, 4.0, 2.0]]

    assert pooled_noise(few) is None
    assert pooled_noise(enough) == Noise(math.sqrt((2 + 8) / 5), 5)


def test_repeated_runs_that_all_score_the_same_say_that_there_is_no_noise() -> None:
    runs = outcomes(*[("a", 5.0)] * 4, *[("b", 6.0)] * 4, ("c", 7.0))

    assert [one.low for one in best_first(runs, goal="maximize", memory={})] == [None] * 3
    assert best_first(runs, goal="maximize", memory={})[0].runs == (9,)


# ------------------------------------------------------------------------------------------------ the bounds


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_bounds_are_those_of_student_wider_on_the_side_on_which_a_chosen_score_errs(sign: float) -> None:
    low, high = bounds(10.0, 4, Noise(2.0, 12.0), sign=sign, of=20)

    worse, better = (low, high) if sign > 0 else (high, low)
    assert abs(better - 10) == pytest.approx(stdtrit(12.0, 0.975), rel=0.01)
    assert abs(worse - 10) == pytest.approx(stdtrit(12.0, 0.975 ** (1 / 20)), rel=0.01)


def test_one_configuration_alone_has_the_usual_interval() -> None:
    low, high = bounds(10.0, 1, Noise(1.0, 1e6), sign=1.0, of=1)

    assert (low, high) == pytest.approx((10 - 1.96, 10 + 1.96), abs=1e-3)


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
@pytest.mark.parametrize("spread", [0.0, 1.0, 5.0])
def test_the_best_of_forty_is_worth_what_its_bounds_say_in_nineteen_of_twenty_sweeps(goal: Any, spread: float) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        worth = spread * rng.standard_normal(40)
        runs = outcomes(*((str(k), worth[k] + rng.standard_normal()) for k in range(40) for _ in range(1 + k % 3)))
        best = best_first(runs, goal=goal, memory={"noise": [1.0, 60.0]})[0]
        found = worth[int(str(runs[best.runs[0] - 1].params["x"]))]
        held += best.low is not None and best.high is not None and best.low <= found <= best.high

    assert held >= 0.95 * 400


@pytest.mark.parametrize("degrees", [ENOUGH_DEGREES, 8.0, 20.0, 300.0])
@pytest.mark.parametrize("probability", [0.9, 0.975, 0.999, 0.9995])
def test_the_quantile_is_that_of_student(probability: float, degrees: float) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(stdtrit(degrees, probability), rel=0.02)
    assert student_quantile(1 - probability, degrees) == pytest.approx(-student_quantile(probability, degrees))


@pytest.mark.parametrize("scores", [[1e308] * 8, [1e308, -1e308] * 4, [5e-324, 0.0] * 4, [-1.7e308, 1.7e308, 0.0] * 3])
def test_no_scores_make_a_number_that_json_does_not_have(scores: list[float]) -> None:
    runs = outcomes(*(("ab"[k % 2], score, abs(score)) for k, score in enumerate(scores)))

    for memory in ({}, {"noise": [1e308, 5.0]}):
        for one in best_first(runs, goal="maximize", memory=memory):
            assert json.loads(json.dumps(one.model_dump(), allow_nan=False))
