"""Log expected improvement far out in its tails, its slopes, the chance of success, and the cap on cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from services.suggester.protein.acquisition import (
    Acquisition,
    log_expected_improvement,
    log_improvement,
    log_optimistic_improvement,
)
from services.suggester.protein.surrogate import Surrogate, log_prior

OWNERS = (0, 1)
RNG = np.random.default_rng(1)
FEATURES, ELSEWHERE = RNG.random((12, 2)), RNG.random((6, 2))
THETA = log_prior(OWNERS).mean


def a_surrogate(targets: np.ndarray) -> Surrogate:
    return Surrogate(FEATURES, OWNERS, targets, THETA)


@pytest.mark.parametrize("z", [3.0, 0.5, -0.5, -1.5, -6.0])
def test_log_improvement_is_the_logarithm_of_the_integral(z: float) -> None:
    integral = quad(lambda t: t * math.exp(-0.5 * (t - z) ** 2) / math.sqrt(2 * math.pi), 0, max(z, 0) + 6)[0]

    assert log_improvement(np.array([z]))[0] == pytest.approx(math.log(integral), rel=1e-6)


def test_log_improvement_is_finite_and_rises_where_the_improvement_itself_is_zero_as_a_float() -> None:
    z = -np.logspace(6, 0, 200)

    values = log_improvement(z)

    assert np.isfinite(values).all()
    assert (np.diff(values) > 0).all()
    assert values[0] == pytest.approx(-0.5e12, rel=1e-9)


def test_log_improvement_has_no_step_where_its_formulas_meet() -> None:
    for edge in (-1.0, -1e4):
        left, right = log_improvement(np.array([edge * (1 + 1e-9), edge * (1 - 1e-9)]))
        assert right - left == pytest.approx(0, abs=1e-5 * edge**2)
        assert right >= left


@pytest.mark.parametrize("gap", [0.7, -0.2, -3.0])
def test_the_derivatives_of_both_improvements_are_their_slopes(gap: float) -> None:
    def ei(g: float, s: float) -> float:
        return float(log_expected_improvement(np.array([g]), np.array([s]))[0][0])

    def optimistic(g: float, s: float) -> float:
        return float(log_optimistic_improvement(np.array([g]), np.array([s]), beta=1.5)[0][0])

    std, h = 0.4, 1e-6
    _, ei_gap, ei_std = log_expected_improvement(np.array([gap]), np.array([std]))
    _, up_gap, up_std = log_optimistic_improvement(np.array([gap]), np.array([std]), beta=1.5)

    assert ei_gap[0] == pytest.approx((ei(gap + h, std) - ei(gap - h, std)) / (2 * h), rel=1e-5)
    assert ei_std[0] == pytest.approx((ei(gap, std + h) - ei(gap, std - h)) / (2 * h), rel=1e-5)
    assert up_gap[0] == pytest.approx((optimistic(gap + h, std) - optimistic(gap - h, std)) / (2 * h), rel=1e-4)
    assert up_std[0] == pytest.approx((optimistic(gap, std + h) - optimistic(gap, std - h)) / (2 * h), rel=1e-4)


@pytest.mark.parametrize("optimism", [None, 2.0])
def test_the_gradient_of_the_whole_rank_is_its_slope(optimism: float | None) -> None:
    loss, cost = a_surrogate(RNG.standard_normal(12)), a_surrogate(FEATURES[:, 0] - 0.5)
    success = a_surrogate(np.sign(FEATURES[:, 1] - 0.4))
    rank = Acquisition(loss, -1.0, cost, success, cost_weight=0.8, optimism=optimism)

    value, gradient = rank.with_gradient(ELSEWHERE)

    assert value == pytest.approx(rank(ELSEWHERE), abs=1e-9)
    for column in range(2):
        step = 1e-5 * (np.arange(2) == column)
        slope = (rank(ELSEWHERE + step) - rank(ELSEWHERE - step)) / 2e-5
        assert gradient[:, column] == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_a_candidate_over_the_cost_cap_ranks_minus_infinity_even_where_all_ranks_are_negative() -> None:
    cost = a_surrogate(4 * FEATURES[:, 0] - 2)
    rank = Acquisition(a_surrogate(RNG.standard_normal(12)), -50.0, cost, log_cost_cap=0.0)

    values = rank(ELSEWHERE)
    dear = cost.predict(ELSEWHERE)[0] > 0

    assert dear.any()
    assert not dear.all()
    assert np.isneginf(values[dear]).all()
    assert (values[~dear] < 0).all()
    assert np.isfinite(values[~dear]).all()


def test_where_runs_failed_the_rank_is_lower() -> None:
    labels = np.where(FEATURES[:, 0] > 0.5, -1.0, 1.0)
    rank = Acquisition(None, 0.0, success=a_surrogate(labels))

    assert rank(np.array([[0.2, 0.5]]))[0] > rank(np.array([[0.9, 0.5]]))[0] + 0.5


def test_a_higher_cost_weight_prefers_the_cheaper_candidate() -> None:
    cost = a_surrogate(4 * FEATURES[:, 0] - 2)
    cheap_and_dear = np.array([[0.1, 0.5], [0.9, 0.5]])

    values = Acquisition(None, 0.0, cost, cost_weight=1.0)(cheap_and_dear)

    assert values[0] > values[1] + 1
