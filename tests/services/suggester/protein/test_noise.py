"""The estimate of the noise from the fit of the losses, and when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.suggester.protein.noise import ENOUGH, degrees_of_freedom, estimate
from services.suggester.protein.surrogate import Surrogate

OWNERS = (0,)
LINE = np.linspace(0, 1, 30)[:, None]


def fitted(*, noise: float, length: float = 0.5, points: np.ndarray = LINE, pending: int = 0) -> Surrogate:
    """A surrogate of output scale 1 with this standard deviation of the noise, and a length scale."""
    theta = np.array([math.log(length), 0.0, 2 * math.log(noise)])
    return Surrogate(points, OWNERS, np.sin(9 * points[:, 0]), theta, pending=LINE[:pending] if pending else None)


def test_the_degrees_of_freedom_are_the_sum_over_the_eigenvalues_without_pending_points() -> None:
    surrogate = fitted(noise=0.3, pending=4)
    values = np.linalg.eigvalsh(surrogate.model.covariance(LINE, LINE))

    assert degrees_of_freedom(surrogate) == pytest.approx(((0.09 / (values + 0.09)) ** 2).sum(), rel=1e-6)


def test_a_smooth_line_has_many_degrees_of_freedom_and_a_rough_one_none() -> None:
    assert degrees_of_freedom(fitted(noise=0.3, length=3.0)) > 25
    assert degrees_of_freedom(fitted(noise=0.05, length=0.01)) < 0.01


def test_the_estimate_is_in_the_unit_of_the_scores_and_has_its_degrees_of_freedom() -> None:
    surrogate = fitted(noise=0.3)

    std, degrees = estimate(surrogate, spread=20.0) or (0.0, 0.0)

    assert std == pytest.approx(6.0)
    assert degrees == pytest.approx(degrees_of_freedom(surrogate), abs=0.01)


def test_a_noise_that_may_come_from_the_prior_is_not_estimated() -> None:
    assert estimate(fitted(noise=0.05, length=0.01), spread=20.0) is None
    assert estimate(fitted(noise=0.3, points=LINE[: int(ENOUGH)]), spread=20.0) is None


def test_the_small_noise_of_functions_without_noise_counts_as_zero() -> None:
    (std, _) = estimate(fitted(noise=0.008, length=5.0), spread=20.0) or (None, None)

    assert std == 0.0
