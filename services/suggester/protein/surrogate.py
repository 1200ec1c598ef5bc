"""The surrogates: exact Gaussian processes of loss, log cost and success over the features of a search space.

The model (kernel, likelihood and priors) is of gpytorch. Each hyperparameter is stored as its logarithm, so that
`theta` and the raw parameters of the model are the same numbers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import lapack

from services.suggester.protein.marginal_likelihood import LogPrior

with warnings.catch_warnings():  # its import compiles functions in a way that newer torch warns about
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", FutureWarning)  # the same, with Python 3.14
    import gpytorch
    from gpytorch.constraints import Positive
    from gpytorch.priors import NormalPrior

Array = NDArray[np.float64]

LENGTH_SCALE_PRIOR: Final = (math.log(0.6), 0.8)  # mean and standard deviation of the logarithm
OUTPUT_SCALE_PRIOR: Final = (0.0, 1.0)
NOISE_PRIOR: Final = (-6.0, 2.0)
ONE_HOT_SCALE: Final = math.sqrt(0.5)  # two different categories are one unit apart
SMALLEST_VARIANCE: Final = 1e-12
BELIEF_NOISE: Final = 1e-5  # of a pending point, in output scales: with more, the next suggestion would repeat it


class NumericalWarning(UserWarning):
    """A covariance cannot be factored as fitted; the search continues with a less precise surrogate."""


class SpaceKernel(gpytorch.kernels.Kernel):  # type: ignore[misc, unused-ignore]
    """Matern-5/2 with one length scale for each parameter; the columns of a category share one."""

    has_lengthscale = True

    def __init__(self, owners: Sequence[int]) -> None:
        logs = Positive(transform=torch.exp, inv_transform=torch.log)
        super().__init__(ard_num_dims=max(owners) + 1, lengthscale_constraint=logs)
        self.register_buffer("owners", torch.as_tensor(owners, dtype=torch.long))
        self.register_prior(
            "lengthscale_prior", NormalPrior(*LENGTH_SCALE_PRIOR), lambda kernel: kernel.raw_lengthscale
        )

    def forward(self, x1: torch.Tensor, x2: torch.Tensor, diag: bool = False, **params: Any) -> torch.Tensor:
        scales = self.lengthscale[..., self.owners]
        r: torch.Tensor = math.sqrt(5) * self.covar_dist(x1 / scales, x2 / scales, diag=diag, **params)
        return (1 + r + r * r / 3) * torch.exp(-r)


class SurrogateModel(gpytorch.models.ExactGP):  # type: ignore[misc, unused-ignore]
    """Zero mean, SpaceKernel times an output scale, normal noise, and the priors of this module."""

    def __init__(self, features: Array, owners: Sequence[int], targets: Array) -> None:
        logs = Positive(transform=torch.exp, inv_transform=torch.log)
        likelihood = gpytorch.likelihoods.GaussianLikelihood(noise_constraint=logs)
        likelihood.noise_covar.register_prior("noise_prior", NormalPrior(*NOISE_PRIOR), lambda noise: noise.raw_noise)
        super().__init__(torch.tensor(features), torch.tensor(targets), likelihood)
        self.mean_module = gpytorch.means.ZeroMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(SpaceKernel(owners), outputscale_constraint=logs)
        self.covar_module.register_prior(
            "outputscale_prior", NormalPrior(*OUTPUT_SCALE_PRIOR), lambda kernel: kernel.raw_outputscale
        )
        self.double()

    def forward(self, x: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))

    def load(self, theta: Array) -> None:
        """Set the hyperparameters `theta` = (log length scales, log output scale, log noise)."""
        values = torch.tensor(theta)
        with torch.no_grad():
            self.covar_module.base_kernel.raw_lengthscale.copy_(values[:-2].unsqueeze(0))
            self.covar_module.raw_outputscale.copy_(values[-2])
            self.likelihood.noise_covar.raw_noise.copy_(values[-1:])

    def covariance(self, left: Array, right: Array) -> Array:
        """Return the prior covariance (a, b) between features (a, w) and (b, w)."""
        with torch.no_grad():
            dense = self.covar_module(torch.tensor(left), torch.tensor(right)).to_dense()
        values: Array = dense.numpy()
        return values


def log_prior(owners: Sequence[int]) -> LogPrior:
    """The priors of `SurrogateModel` as vectors over theta."""
    rows = [LENGTH_SCALE_PRIOR] * (max(owners) + 1) + [OUTPUT_SCALE_PRIOR, NOISE_PRIOR]
    mean, std = np.array(rows).T
    return LogPrior(mean, std)


class Surrogate:
    """The posterior given n observations; pending points reduce its standard deviation and do not change its mean.

    The value of a pending point is assumed to be the posterior mean, which changes no mean; so only the factor of the
    covariance depends on pending points, and its leading block is that of the observations alone.
    """

    def __init__(
        self, features: Array, owners: Sequence[int], targets: Array, theta: Array, *, pending: Array | None = None
    ) -> None:
        self.observed = len(targets)
        self.points = features if pending is None else np.concatenate([features, pending])
        self.model = SurrogateModel(features, owners, targets)
        self.owners = np.asarray(owners, dtype=np.intp)
        self.theta, self.whitener = self._factor(theta, log_prior(owners).mean)
        self.model.load(self.theta)
        block = self.whitener[: self.observed, : self.observed]
        self.alpha: Array = block.T @ (block @ targets)
        self.scale, self.noise = math.exp(self.theta[-2]), math.exp(self.theta[-1])
        self.stretch = 1 / np.exp(self.theta[:-2])[self.owners]

    def _factor(self, theta: Array, fallback: Array) -> tuple[Array, Array]:
        """Return the hyperparameters and the inverse Cholesky factor; noise is added until the factor exists."""
        for used, extra in [(theta, 0.0), (theta, 1e-6), (theta, 1e-4), (fallback, 1e-4), (fallback, 1.0)]:
            self.model.load(used)
            covariance = self.model.covariance(self.points, self.points)
            noise = np.full(len(covariance), math.exp(used[-1]))
            noise[self.observed :] = np.minimum(noise[self.observed :], BELIEF_NOISE * math.exp(used[-2]))
            covariance.flat[:: len(covariance) + 1] += noise + extra * math.exp(used[-2])
            factor, failed = lapack.dpotrf(covariance, lower=1)
            if not failed:
                whitener, singular = lapack.dtrtri(factor, lower=1)
                if not singular and np.isfinite(whitener).all():
                    return used, np.tril(whitener)
            warnings.warn("the covariance of the observations cannot be factored: adding noise", NumericalWarning, 3)
        raise FloatingPointError("the features of the observations are not finite")

    def mean(self, features: Array) -> Array:
        """Return the posterior mean (m,) at features (m, w)."""
        mean: Array = self.model.covariance(features, self.points[: self.observed]) @ self.alpha
        return mean

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Return mean (m,) and standard deviation (m,) of the noise-free value at features (m, w)."""
        cross = self.model.covariance(features, self.points)
        white = cross @ self.whitener.T
        variance = self.scale - np.einsum("ij,ij->i", white, white)
        return cross[:, : self.observed] @ self.alpha, np.sqrt(np.maximum(variance, SMALLEST_VARIANCE))

    def joint(self, features: Array) -> tuple[Array, Array]:
        """Return mean (m,) and covariance (m, m) of the noise-free values at features (m, w)."""
        cross = self.model.covariance(features, self.points)
        white = cross @ self.whitener.T
        return cross[:, : self.observed] @ self.alpha, self.model.covariance(features, features) - white @ white.T

    def mean_with_gradient(self, features: Array) -> tuple[Array, Array]:
        """Return the posterior mean (m,) and its gradient (m, w) with respect to the features."""
        offsets, cross, slope = self._near(features, self.points[: self.observed])
        gradient = np.einsum("mn,mnw->mw", slope * self.alpha, offsets) * self.stretch
        return cross @ self.alpha, gradient

    def predict_with_gradient(self, features: Array) -> tuple[Array, Array, Array, Array]:
        """Return mean (m,), standard deviation (m,) and their gradients (m, w) with respect to the features."""
        offsets, cross, slope = self._near(features, self.points)
        white = cross @ self.whitener.T
        std = np.sqrt(np.maximum(self.scale - np.einsum("ij,ij->i", white, white), SMALLEST_VARIANCE))
        weight = slope * (white @ self.whitener)
        d_std = -np.einsum("mn,mnw->mw", weight, offsets) * self.stretch / std[:, None]
        n = self.observed
        d_mean = np.einsum("mn,mnw->mw", slope[:, :n] * self.alpha, offsets[:, :n]) * self.stretch
        return cross[:, :n] @ self.alpha, std, d_mean, d_std

    def _near(self, features: Array, points: Array) -> tuple[Array, Array, Array]:
        """Return scaled offsets (m, n, w), covariances (m, n), and slopes (m, n) such that d covariance / d features
        is slope x offset x stretch."""
        offsets = (features[:, None, :] - points) * self.stretch
        r = np.sqrt(5 * np.einsum("mnw,mnw->mn", offsets, offsets))
        decay = self.scale * np.exp(-r)
        return offsets, (1 + r + r * r / 3) * decay, (-5 / 3) * (1 + r) * decay
