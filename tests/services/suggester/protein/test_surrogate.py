"""The posterior of a surrogate against gpytorch, pending points, and what happens when numbers fail."""

from __future__ import annotations

import math

import gpytorch
import numpy as np
import pytest
import torch

from services.suggester.protein.surrogate import BELIEF_NOISE, NumericalWarning, Surrogate, log_prior

OWNERS = (0, 1, 1, 2)
RNG = np.random.default_rng(3)
FEATURES, TARGETS, ELSEWHERE = RNG.random((20, 4)), RNG.standard_normal(20), RNG.random((7, 4))
THETA = log_prior(OWNERS).mean


def test_the_posterior_is_that_of_gpytorch() -> None:
    surrogate = Surrogate(FEATURES, OWNERS, TARGETS, THETA)
    model = surrogate.model.eval()

    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        expected = model(torch.tensor(ELSEWHERE))
        mean, variance = expected.mean.numpy(), expected.variance.numpy()

    got_mean, got_std = surrogate.predict(ELSEWHERE)
    assert got_mean == pytest.approx(mean, abs=1e-6)
    assert got_std**2 == pytest.approx(variance, abs=1e-6)


def test_the_joint_posterior_is_that_of_gpytorch() -> None:
    surrogate = Surrogate(FEATURES, OWNERS, TARGETS, THETA)
    model = surrogate.model.eval()

    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        expected = model(torch.tensor(ELSEWHERE))
        mean, covariance = expected.mean.numpy(), expected.covariance_matrix.numpy()

    got_mean, got_covariance = surrogate.joint(ELSEWHERE)
    assert got_mean == pytest.approx(mean, abs=1e-6)
    assert got_covariance == pytest.approx(covariance, abs=1e-6)
    assert np.sqrt(np.diagonal(got_covariance)) == pytest.approx(surrogate.predict(ELSEWHERE)[1], abs=1e-9)


def test_the_gradient_of_the_posterior_is_its_slope() -> None:
    surrogate = Surrogate(FEATURES, OWNERS, TARGETS, THETA, pending=ELSEWHERE[:2] + 0.01)
    mean, std, d_mean, d_std = surrogate.predict_with_gradient(ELSEWHERE)

    assert np.array([mean, std]) == pytest.approx(np.array(surrogate.predict(ELSEWHERE)), abs=1e-9)
    for column in range(4):
        step = 1e-5 * (np.arange(4) == column)
        above, below = surrogate.predict(ELSEWHERE + step), surrogate.predict(ELSEWHERE - step)
        assert d_mean[:, column] == pytest.approx((above[0] - below[0]) / 2e-5, abs=1e-6)
        assert d_std[:, column] == pytest.approx((above[1] - below[1]) / 2e-5, abs=1e-6)


def test_pending_points_narrow_the_spread_around_them_and_move_no_mean() -> None:
    alone = Surrogate(FEATURES, OWNERS, TARGETS, THETA)
    waiting = Surrogate(FEATURES, OWNERS, TARGETS, THETA, pending=ELSEWHERE[:1])

    mean, std = alone.predict(ELSEWHERE)
    believed_mean, believed_std = waiting.predict(ELSEWHERE)

    assert believed_mean == pytest.approx(mean, abs=1e-9)
    assert believed_std[0] < 0.03 * std[0]
    assert (believed_std <= std + 1e-9).all()


def test_a_believed_value_is_what_conditioning_on_the_posterior_mean_gives() -> None:
    almost_noiseless = np.array([*THETA[:-1], math.log(BELIEF_NOISE)])
    alone = Surrogate(FEATURES, OWNERS, TARGETS, almost_noiseless)
    believed = alone.predict(ELSEWHERE[:2])[0]
    conditioned = Surrogate(
        np.concatenate([FEATURES, ELSEWHERE[:2]]), OWNERS, np.concatenate([TARGETS, believed]), almost_noiseless
    )
    waiting = Surrogate(FEATURES, OWNERS, TARGETS, almost_noiseless, pending=ELSEWHERE[:2])

    assert np.array(waiting.predict(ELSEWHERE)) == pytest.approx(np.array(conditioned.predict(ELSEWHERE)), abs=1e-8)


def test_a_covariance_that_cannot_be_factored_gets_more_noise_and_a_warning() -> None:
    theta = THETA.copy()
    theta[-1] = -200.0
    twice = np.concatenate([FEATURES, FEATURES])

    with pytest.warns(NumericalWarning, match="adding noise"):
        surrogate = Surrogate(twice, OWNERS, np.concatenate([TARGETS, TARGETS]), theta)

    assert np.isfinite(surrogate.predict(ELSEWHERE)).all()
