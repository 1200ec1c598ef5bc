"""The score and the cost of a run, out of what was reported."""

from __future__ import annotations

import math

import pytest

from shared.domain.observation import BadScore, cost_of, score_of


def test_what_was_returned_as_score_wins_over_the_metric() -> None:
    assert score_of({"score": 2.0, "reward": 1.0}, metric="reward") == 2.0
    assert score_of({"reward": 1.0}, metric="reward") == 1.0


def test_a_missing_metric_is_refused_with_those_that_were_seen() -> None:
    with pytest.raises(BadScore, match="metric 'reward' was never reported; seen: acc, loss: report it, or set"):
        score_of({"loss": 1.0, "acc": 0.5}, metric="reward")
    with pytest.raises(BadScore, match="seen: nothing"):
        score_of({}, metric="reward")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_finite_number_is_refused_even_if_the_metric_is_one(bad: float) -> None:
    with pytest.raises(BadScore, match=r"score is .*: it must be a finite number"):
        score_of({"score": bad, "reward": 1.0}, metric="reward")


def test_a_huge_score_is_a_number() -> None:
    assert score_of({"reward": 1e308}, metric="reward") == 1e308


@pytest.mark.parametrize(
    ("metrics", "cost", "expected"),
    [
        ({}, "seconds", 7.5),
        ({}, "steps", 100.0),
        ({"energy": 3.0}, "energy", 3.0),
        ({"cost": 9.0, "energy": 3.0}, "energy", 9.0),
        ({"cost": 9.0}, "seconds", 9.0),
    ],
)
def test_the_cost_is_what_the_sweep_says(metrics: dict[str, float], cost: str, expected: float) -> None:
    assert cost_of(metrics, cost=cost, seconds=7.5, steps=100) == expected


def test_a_cost_that_was_never_reported_or_is_no_number_is_refused() -> None:
    with pytest.raises(BadScore, match="cost 'energy' was never reported; seen: loss: report it, or set cost=seconds"):
        cost_of({"loss": 1.0}, cost="energy", seconds=1.0, steps=1)
    with pytest.raises(BadScore, match="energy is -3: a cost must not be negative"):
        cost_of({"energy": -3}, cost="energy", seconds=1.0, steps=1)
    with pytest.raises(BadScore, match="energy is nan"):
        cost_of({"energy": math.nan}, cost="energy", seconds=1.0, steps=1)
