"""A run ends early only when it is clearly worse than the others were at the same cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.early_stopping import MIN_RUNS, BestSoFar, why_stop
from shared.domain.sweep import Goal

COSTS = (10.0, 20.0, 30.0, 40.0)


def a_run(slope: float, *, costs: tuple[float, ...] = COSTS, goal: Goal = "maximize") -> BestSoFar:
    """A run whose metric grows by `slope` with each unit of cost."""
    return BestSoFar.of([(cost, slope * cost) for cost in costs], goal=goal)


OTHERS = [a_run(1.0 + number / 10) for number in range(MIN_RUNS)]
BAD = a_run(0.1, costs=COSTS[:2])


def test_a_run_that_is_worse_than_all_others_at_the_same_cost_is_stopped_and_it_says_why() -> None:
    why = why_stop(BAD, OTHERS, quantile=0.3)

    assert why == "its best so far is worse than that of 10 of 10 finished runs at a cost of 20"


def test_a_run_as_good_as_the_quantile_continues() -> None:
    # Index 2 of the 10 sorted bests is the 0.3 quantile, rounded to the worse one.
    assert why_stop(a_run(1.2, costs=COSTS[:2]), OTHERS, quantile=0.3) is None
    assert why_stop(a_run(1.0, costs=COSTS[:2]), OTHERS, quantile=0.05) is None


def test_where_lower_is_better_the_higher_run_is_the_bad_one() -> None:
    others = [a_run(1.0 + number / 10, goal="minimize") for number in range(MIN_RUNS)]

    assert why_stop(a_run(5.0, costs=COSTS[:2], goal="minimize"), others, quantile=0.3)
    assert why_stop(a_run(0.1, costs=COSTS[:2], goal="minimize"), others, quantile=0.3) is None


def test_what_a_finished_run_became_later_does_not_count() -> None:
    late = [BestSoFar.of([(10, 0.0), (20, 0.0), (40, 100.0 + n)], goal="maximize") for n in range(MIN_RUNS)]

    assert why_stop(BestSoFar.of([(10, -1.0), (20, 0.0)], goal="maximize"), late, quantile=0.5) is None


def test_a_peak_that_a_run_had_before_counts_for_it() -> None:
    peaked = BestSoFar.of([(10, 50.0), (20, 0.0)], goal="maximize")

    assert why_stop(peaked, OTHERS, quantile=0.3) is None


@pytest.mark.parametrize("known", range(MIN_RUNS))
def test_with_too_few_finished_runs_nothing_is_stopped(known: int) -> None:
    assert why_stop(BAD, OTHERS[:known], quantile=0.5) is None


def test_runs_that_ended_before_this_much_was_spent_are_no_comparison() -> None:
    short = [a_run(9.0, costs=(5.0, 15.0)) for _ in range(50)]

    assert why_stop(BAD, [*short, *OTHERS[:-1]], quantile=0.5) is None
    assert why_stop(BAD, [*short, *OTHERS], quantile=0.5)


def test_runs_that_had_reported_nothing_by_then_are_no_comparison() -> None:
    silent = [a_run(9.0, costs=(30.0, 40.0)) for _ in range(MIN_RUNS)]

    assert why_stop(BAD, silent, quantile=0.5) is None


def test_nothing_is_stopped_before_a_quarter_of_what_the_finished_runs_cost() -> None:
    costs = (1.0, 9.0, 10.0, 40.0)
    others = [a_run(1.0, costs=costs) for _ in range(MIN_RUNS)]

    assert why_stop(a_run(0.1, costs=costs[:2]), others, quantile=0.3) is None
    assert why_stop(a_run(0.1, costs=costs[:3]), others, quantile=0.3)


def test_a_run_that_has_reported_nothing_is_not_judged() -> None:
    assert why_stop(BestSoFar.of([], goal="maximize"), OTHERS, quantile=0.5) is None


def test_the_worse_of_two_good_runs_is_not_a_bad_one() -> None:
    good = [BestSoFar.of([(20, 100.0 - n / 100), (40, 100.0)], goal="maximize") for n in range(50)]

    assert why_stop(BestSoFar.of([(20, 98.0)], goal="maximize"), [*OTHERS, *good], quantile=0.5) is None
    assert why_stop(BestSoFar.of([(20, 90.0)], goal="maximize"), [*OTHERS, *good], quantile=0.5)


def test_a_clock_that_was_set_back_does_not_shorten_what_was_spent() -> None:
    run = BestSoFar.of([(10, 1.0), (30, 2.0), (20, 3.0)], goal="maximize")

    assert (run.spent, run.at(25), run.at(30), run.at(9)) == (30, 1.0, 3.0, None)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=MIN_RUNS, max_size=30),
    st.floats(-1e6, 1e6),
    st.floats(0.01, 0.5),
)
def test_at_least_so_many_of_the_others_were_better_than_one_that_is_stopped(
    values: list[float], value: float, quantile: float
) -> None:
    others = [BestSoFar.of([(10, other)], goal="maximize") for other in values]

    if why_stop(BestSoFar.of([(10, value)], goal="maximize"), others, quantile=quantile):
        assert sum(other > value for other in values) >= (1 - quantile) * len(values)
