"""Learns from a rollout: clipped policy and value losses, minibatches, Adam."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from services.trainer.ppo.adam import Adam
from services.trainer.ppo.rollout import Rollout
from shared.config.schema import PpoConfig, PpoTrainer
from shared.rl.policy import Policy

LOSS_NAMES = ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction")


class Learner:
    """Improves the policy."""

    def __init__(self, policy: Policy, trainer: PpoTrainer, generator: torch.Generator) -> None:
        self._policy, self._trainer, self._generator = policy, trainer, generator
        self.optimizer = Adam(policy.parameters(), trainer.optimizer)

    def learn(self, rollout: Rollout, *, learning_rate: float) -> dict[str, float]:
        """Make `update_epochs` passes over the rollout and return the mean losses.

        Raises FloatingPointError if a loss or a weight is not finite.
        """
        if self._trainer.ppo.normalize_advantages:
            rollout = rollout._replace(advantages=_standardized(rollout.advantages))
        count = len(rollout.advantages)
        # Near-equal parts of at most minibatch_size: a small remainder would make a noisy step.
        parts = math.ceil(count / self._trainer.minibatch_size)
        losses = []
        for _ in range(self._trainer.update_epochs):
            order = torch.randperm(count, generator=self._generator, device=self._generator.device)
            shuffled = [column[order].tensor_split(parts) for column in rollout]
            losses += [self._step(Rollout(*minibatch), learning_rate) for minibatch in zip(*shuffled, strict=True)]
        means = dict(zip(LOSS_NAMES, torch.stack(losses).mean(0).tolist(), strict=True))
        self._check_finite(means, learning_rate)
        return means

    def _step(self, batch: Rollout, learning_rate: float) -> Tensor:
        loss, parts = ppo_loss(self._policy, batch, self._trainer.ppo)
        gradient = self.optimizer.gradient(loss, max_norm=self._trainer.ppo.max_grad_norm)
        self.optimizer.step(gradient, learning_rate=learning_rate)
        return parts

    def _check_finite(self, losses: Mapping[str, float], learning_rate: float) -> None:
        broken = [name for name, value in losses.items() if not math.isfinite(value)]
        if not self.optimizer.vector.isfinite().all():
            broken.append("weights")
        if broken:
            raise FloatingPointError(
                f"parameters diverged: {', '.join(broken)} not finite at learning_rate {learning_rate:g}: lower it, or "
                f"max_grad_norm ({self._trainer.ppo.max_grad_norm:g})"
            )


def ppo_loss(policy: Policy, batch: Rollout, ppo: PpoConfig) -> tuple[Tensor, Tensor]:
    """Return the loss of proximal policy optimization (Schulman et al. 2017, eq. 9) with a clipped value update.

    The result is the loss, a scalar to minimize, and its parts, detached, in the order of LOSS_NAMES.
    """
    log_prob, entropy = policy.log_prob_and_entropy(batch.obs, batch.actions)
    log_ratio = log_prob - batch.log_probs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - ppo.clip_coef, 1 + ppo.clip_coef)
    policy_loss = -torch.min(ratio * batch.advantages, clipped * batch.advantages).mean()
    value_loss = _value_loss(policy.value(batch.obs), batch, ppo.vf_clip_coef)
    mean_entropy = entropy.mean()
    loss = policy_loss + ppo.vf_coef * value_loss - ppo.ent_coef * mean_entropy
    with torch.no_grad():
        # The low-variance estimate of KL(old, new) (Schulman 2020, "Approximating KL divergence").
        approx_kl = (ratio - 1 - log_ratio).mean()
        clip_fraction = (ratio != clipped).float().mean()
        return loss, torch.stack((policy_loss, value_loss, mean_entropy, approx_kl, clip_fraction))


def _value_loss(values: Tensor, batch: Rollout, clip_coef: float) -> Tensor:
    """Return half the mean squared error: the larger of the value's and of the value clipped around the old one."""
    errors = (values - batch.returns).square()
    if clip_coef:
        clipped = batch.values + (values - batch.values).clamp(-clip_coef, clip_coef)
        errors = torch.max(errors, (clipped - batch.returns).square())
    return 0.5 * errors.mean()


def _standardized(values: Tensor) -> Tensor:
    return (values - values.mean()) / (values.std(correction=0) + 1e-8)
