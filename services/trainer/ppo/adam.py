"""Adam on one vector of all parameters: a few large operations instead of many small ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from shared.config.schema import OptimizerConfig


class Adam:
    """Kingma & Ba (2015), algorithm 1. The parameters become views of one vector of shape (n,).

    torch.optim.Adam computes the same, but with a small network it spends most of its time on bookkeeping, and the
    first use of torch.optim imports torch's compiler (one to two seconds).
    """

    def __init__(self, parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> None:
        self._parameters = list(parameters)
        self._config = config
        self.vector = nn.utils.parameters_to_vector(self._parameters).detach()
        nn.utils.vector_to_parameters(self.vector, self._parameters)
        self._mean = torch.zeros_like(self.vector)
        self._square = torch.zeros_like(self.vector)
        self._count = 0

    @torch.no_grad()
    def step(self, gradient: Tensor, *, learning_rate: float) -> None:
        """Move the parameters against `gradient` (n,)."""
        beta1, beta2 = self._config.beta1, self._config.beta2
        self._count += 1
        self._mean.lerp_(gradient, 1 - beta1)
        self._square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        spread = self._square.sqrt().div_((1 - beta2**self._count) ** 0.5).add_(self._config.eps)
        self.vector.addcdiv_(self._mean, spread, value=-learning_rate / (1 - beta1**self._count))

    def gradient(self, loss: Tensor, *, max_norm: float) -> Tensor:
        """Return the gradient of `loss` (n,), scaled down to `max_norm` if it is longer (Pascanu et al. 2013)."""
        parts = torch.autograd.grad(loss, self._parameters)
        gradient = torch.cat([part.reshape(-1) for part in parts])
        return gradient.mul_((max_norm / (gradient.norm() + 1e-6)).clamp_(max=1))

    def state(self) -> dict[str, Tensor]:
        """Return what is needed to continue."""
        return {"mean": self._mean, "square": self._square, "count": torch.tensor(self._count)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned; raise KeyError or ValueError if it does not fit these parameters."""
        for name in ("mean", "square"):
            if state[name].shape != self.vector.shape or state[name].dtype != self.vector.dtype:
                raise ValueError(f"{name} of Adam is {state[name].dtype} {tuple(state[name].shape)}")
        self._mean, self._square = state["mean"].clone(), state["square"].clone()
        self._count = int(state["count"])
