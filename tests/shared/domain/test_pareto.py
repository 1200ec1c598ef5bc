"""The Pareto front of score and cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.pareto import pareto_mask, pareto_order


def front(pairs: list[tuple[float, float]]) -> list[bool]:
    return pareto_mask([score for score, _ in pairs], [cost for _, cost in pairs])


def test_an_observation_that_is_worse_and_dearer_is_not_on_the_front() -> None:
    assert front([(1.0, 1.0), (0.5, 2.0), (2.0, 3.0)]) == [True, False, True]


def test_two_observations_equal_in_score_and_cost_are_both_on_the_front() -> None:
    assert front([(1.0, 1.0), (1.0, 1.0), (0.0, 0.5), (0.0, 0.5)]) == [True] * 4


def test_of_equal_scores_only_the_cheapest_and_of_equal_costs_only_the_best_stays() -> None:
    assert front([(1.0, 2.0), (1.0, 1.0), (0.5, 1.0)]) == [False, True, False]


def test_the_front_of_nothing_is_empty_and_of_one_observation_is_itself() -> None:
    assert front([]) == []
    assert front([(-3.0, 7.0)]) == [True]


pairs = st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 5)), max_size=25)


@given(pairs)
def test_the_front_holds_exactly_what_no_other_observation_beats(drawn: list[tuple[int, int]]) -> None:
    def beats(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a[0] >= b[0] and a[1] <= b[1] and a != b

    expected = [not any(beats(other, this) for other in drawn) for this in drawn]

    assert front([(float(s), float(c)) for s, c in drawn]) == expected


@given(pairs)
def test_the_order_of_the_front_rises_in_cost_and_in_score(drawn: list[tuple[int, int]]) -> None:
    scores, costs = [float(score) for score, _ in drawn], [float(cost) for _, cost in drawn]

    order = pareto_order(scores, costs)

    assert sorted(order) == [index for index, on in enumerate(pareto_mask(scores, costs)) if on]
    assert [costs[index] for index in order] == sorted(costs[index] for index in order)
    assert [scores[index] for index in order] == sorted(scores[index] for index in order)


@pytest.mark.parametrize(("scores", "costs"), [([1.0], [1.0, 2.0]), ([float("nan")], [1.0]), ([1.0], [float("inf")])])
def test_scores_that_are_missing_or_do_not_match_the_costs_are_refused(scores: list[float], costs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"expected two lists|must be finite"):
        pareto_mask(scores, costs)
