"""Running mean and variance, updated by batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RunningMoments(nn.Module):
    """Mean and variance of all batches so far, each of shape (size,), in double precision.

    Batches are merged as in Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance".
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, batch: Tensor) -> None:
        """Add `batch` (n, size); an empty one changes nothing."""
        if not len(batch):
            return
        values = batch.double()
        total = self.count + len(values)
        delta = values.mean(0) - self.mean
        squares = self.variance * self.count + values.var(0, correction=0) * len(values)
        squares += delta.square() * self.count * len(values) / total
        self.mean += delta * len(values) / total
        self.variance.copy_(squares / total)
        self.count.copy_(total)

    @property
    def std(self) -> Tensor:
        """Standard deviation (size,), at least 1e-4, so that a constant input does not become huge."""
        return (self.variance + 1e-8).sqrt()


class ObservationNormalizer(RunningMoments):
    """Brings observations to about unit scale, and clips them to +-10 so that an outlier cannot dominate."""

    def forward(self, obs: Tensor) -> Tensor:
        """Normalise `obs` (..., size) by the moments so far."""
        return ((obs - self.mean) / self.std).clamp(-10, 10).to(obs.dtype)
