"""The actor-critic network: one part chooses actions, the other estimates values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shared.rl.network import Network
from shared.rl.normalization import ObservationNormalizer
from shared.rl.spaces import BoxActions, Spaces

LOG_SQRT_2_PI = 0.5 * math.log(2 * math.pi)


class Policy(nn.Module):
    """Two separate networks of rectified linear units over the flattened observation.

    Discrete actions are categorical. Real-valued actions are independent Gaussians whose spread does not depend on the
    observation. They are clipped to the bounds only in the environment: log-probabilities are those of the unclipped
    action.

    Shapes: observations (..., obs_size); discrete actions (...,) of int64; real-valued actions (..., size).
    """

    def __init__(self, spaces: Spaces, hidden_sizes: Sequence[int], *, normalize_observations: bool = False) -> None:
        """Build the networks; then call `initialize`, or load a state."""
        super().__init__()
        self.spaces = spaces
        self.hidden_sizes = tuple(hidden_sizes)
        self.is_discrete = not isinstance(spaces.actions, BoxActions)
        outputs = spaces.actions.size if isinstance(spaces.actions, BoxActions) else spaces.actions.n
        self.outputs = outputs
        self.actor = Network((spaces.obs_size, *hidden_sizes, outputs))
        self.critic = Network((spaces.obs_size, *hidden_sizes, 1))
        self.log_std = None if self.is_discrete else nn.Parameter(torch.zeros(outputs))
        self.normalizer = ObservationNormalizer(spaces.obs_size) if normalize_observations else None

    def initialize(self, generator: torch.Generator) -> None:
        """Set orthogonal initial weights, 100 times smaller in the last actor layer (Andrychowicz et al. 2021)."""
        self.actor.initialize(generator, last_gain=0.01)
        self.critic.initialize(generator, last_gain=1.0)

    def normalize(self, obs: Tensor) -> Tensor:
        """Bring raw observations to the scale that the other methods expect."""
        return self.normalizer(obs) if self.normalizer is not None else obs

    def noise(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Draw the random numbers of `act` for many steps at once: (*shape, outputs)."""
        noise = torch.empty(*shape, self.outputs, device=generator.device)
        if self.is_discrete:
            return noise.exponential_(generator=generator).log_().neg_()  # Gumbel
        return noise.normal_(generator=generator)

    def act(self, obs: Tensor, noise: Tensor | None = None) -> Tensor:
        """Choose actions for normalised `obs`: sampled with `noise`, or without it the most probable ones."""
        heads: Tensor = self.actor(obs)
        if self.is_discrete:
            return (heads if noise is None else heads + noise).argmax(-1)  # the Gumbel-max trick
        assert self.log_std is not None
        return heads if noise is None else heads + self.log_std.exp() * noise

    def value(self, obs: Tensor) -> Tensor:
        """Return the expected discounted return (...,) from normalised `obs`."""
        values: Tensor = self.critic(obs)
        return values.squeeze(-1)

    def log_prob_and_entropy(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability (...,) of `actions` at normalised `obs`, and the entropy (...,) there (nats)."""
        heads: Tensor = self.actor(obs)
        if self.log_std is None:
            log_probs = heads.log_softmax(-1)
            log_prob = log_probs.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
            return log_prob, -(log_probs.exp() * log_probs).sum(-1)
        scaled = (actions - heads) * (-self.log_std).exp()
        log_prob = -(0.5 * scaled.square() + self.log_std + LOG_SQRT_2_PI).sum(-1)
        return log_prob, (self.log_std + 0.5 + LOG_SQRT_2_PI).sum().expand(log_prob.shape)
