"""The closed form of the log posterior against gpytorch, which defines the model, and the fit."""

from __future__ import annotations

import gpytorch
import numpy as np
import pytest

from services.suggester.protein.marginal_likelihood import UNUSABLE, NegativeLogPosterior, fit
from services.suggester.protein.surrogate import SurrogateModel, log_prior

OWNERS = (0, 1, 2, 2, 2, 3)  # the third parameter is a category with three values


def an_objective(n: int = 25) -> NegativeLogPosterior:
    rng = np.random.default_rng(0)
    features = rng.random((n, len(OWNERS)))
    targets = np.sin(5 * features[:, 0]) + features[:, 2] + 0.1 * rng.standard_normal(n)
    return NegativeLogPosterior(features, OWNERS, targets - targets.mean(), log_prior(OWNERS))


@pytest.mark.parametrize("seed", range(3))
def test_value_and_gradient_are_those_of_gpytorch_and_its_autograd(seed: int) -> None:
    objective = an_objective()
    theta = objective.prior.mean + 0.5 * np.random.default_rng(seed).standard_normal(len(objective.prior.mean))
    model = SurrogateModel(objective.features, OWNERS, objective.targets)
    model.load(theta)
    exact = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)

    expected = -exact(model(*model.train_inputs), model.train_targets) * len(objective.targets)
    expected.backward()
    value, gradient = objective(theta)

    assert value == pytest.approx(expected.item(), rel=1e-7)
    kernel = model.covar_module
    autograd = [*kernel.base_kernel.raw_lengthscale.grad[0], kernel.raw_outputscale.grad]
    autograd.append(model.likelihood.noise_covar.raw_noise.grad[0])
    assert gradient == pytest.approx([float(part) for part in autograd], rel=1e-5)


def test_a_fit_finds_hyperparameters_that_are_more_likely_than_the_prior_s() -> None:
    objective = an_objective()

    theta = fit(objective, [objective.prior.mean], iterations=40)

    assert objective(theta)[0] < objective(objective.prior.mean)[0] - 1
    assert theta[1] > theta[0]  # the second feature does not matter: its length scale is longer


def test_a_fit_takes_the_best_of_its_starts() -> None:
    objective = an_objective()
    far = np.array([lower for lower, _ in objective.prior.bounds])

    both = fit(objective, [far, objective.prior.mean], iterations=40)
    one = fit(objective, [objective.prior.mean], iterations=40)

    assert objective(both)[0] <= objective(one)[0] + 1e-6


def test_fitted_hyperparameters_have_four_decimals_so_that_text_keeps_them_exactly() -> None:
    theta = fit(an_objective(), [an_objective().prior.mean], iterations=10)

    assert [float(f"{number:.4f}") for number in theta] == theta.tolist()


def test_a_covariance_that_cannot_be_factored_is_a_very_unlikely_one() -> None:
    objective = an_objective()
    objective.features[1] = objective.features[0]
    theta = objective.prior.mean.copy()
    theta[-1] = -200.0  # no noise, and two equal rows

    assert objective(theta)[0] == UNUSABLE
