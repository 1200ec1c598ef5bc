from __future__ import annotations

from typing import Any

import pytest
import torch

from services.trainer.ppo.learner import Learner, ppo_loss
from services.trainer.ppo.rollout import Rollout
from shared.config.schema import PpoConfig, PpoTrainer
from shared.rl.policy import Policy
from shared.rl.spaces import DiscreteActions, Spaces


def a_policy() -> Policy:
    policy = Policy(Spaces((3,), DiscreteActions(2)), (8,))
    policy.initialize(torch.Generator().manual_seed(0))
    return policy


def a_rollout(policy: Policy, count: int = 10) -> Rollout:
    """Return a rollout as a collector would give it with `policy`."""
    generator = torch.Generator().manual_seed(1)
    obs = torch.randn(count, 3, generator=generator)
    with torch.no_grad():
        actions = policy.act(obs, policy.noise((count,), generator))
        log_probs, _ = policy.log_prob_and_entropy(obs, actions)
        values = policy.value(obs)
    advantages = torch.randn(count, generator=generator)
    return Rollout(obs, actions, log_probs, values, advantages, values + advantages)


def a_learner(policy: Policy, **trainer: Any) -> Learner:
    return Learner(policy, PpoTrainer(**trainer), torch.Generator().manual_seed(2))


def gradient_norm(policy: Policy, part: str, loss: torch.Tensor) -> float:
    parameters = list(getattr(policy, part).parameters())
    return float(sum(g.abs().sum() for g in torch.autograd.grad(loss, parameters, retain_graph=True)))


@pytest.mark.parametrize(("advantage", "log_ratio"), [(1.0, 1.0), (-1.0, -1.0)])
def test_a_probability_that_moved_far_enough_in_the_right_direction_has_no_gradient(
    advantage: float, log_ratio: float
) -> None:
    policy = a_policy()
    rollout = a_rollout(policy)
    moved = rollout._replace(advantages=torch.full((10,), advantage), log_probs=rollout.log_probs - log_ratio)

    loss, parts = ppo_loss(policy, moved, PpoConfig(clip_coef=0.2, ent_coef=0))

    assert gradient_norm(policy, "actor", loss) == 0
    assert parts[4] == 1  # all of them were clipped


def test_a_probability_that_moved_in_the_wrong_direction_is_pushed_back() -> None:
    policy = a_policy()
    rollout = a_rollout(policy)
    moved = rollout._replace(advantages=torch.ones(10), log_probs=rollout.log_probs + 1)

    loss, _ = ppo_loss(policy, moved, PpoConfig(clip_coef=0.2, ent_coef=0))

    assert gradient_norm(policy, "actor", loss) > 0


def test_a_value_that_moved_far_enough_towards_its_return_has_no_gradient() -> None:
    policy = a_policy()
    rollout = a_rollout(policy)
    moved = rollout._replace(values=rollout.values - 1, returns=rollout.values + 5)

    held, _ = ppo_loss(policy, moved, PpoConfig(vf_clip_coef=0.2))
    free, _ = ppo_loss(policy, moved, PpoConfig(vf_clip_coef=0))

    assert gradient_norm(policy, "critic", held) == 0
    assert gradient_norm(policy, "critic", free) > 0


def test_good_actions_become_more_probable_and_values_approach_the_returns() -> None:
    policy = a_policy()
    rollout = a_rollout(policy, 64)
    learner = a_learner(policy, minibatch_size=16, ppo={"vf_clip_coef": 0.0})

    losses = [learner.learn(rollout, learning_rate=1e-3) for _ in range(20)]

    log_probs, _ = policy.log_prob_and_entropy(rollout.obs, rollout.actions)
    assert ((log_probs - rollout.log_probs) * rollout.advantages).mean() > 0.01
    assert losses[-1]["value_loss"] < losses[0]["value_loss"]


@pytest.mark.parametrize("minibatch_size", [10, 1_000_000])
def test_a_minibatch_may_be_larger_than_the_rollout(minibatch_size: int) -> None:
    policy = a_policy()
    rollout = a_rollout(policy)

    a_learner(policy, minibatch_size=minibatch_size, update_epochs=1).learn(rollout, learning_rate=1e-2)

    whole = a_policy()
    a_learner(whole, minibatch_size=10, update_epochs=1).learn(rollout, learning_rate=1e-2)
    torch.testing.assert_close(policy.state_dict(), whole.state_dict())


@pytest.mark.parametrize("broken", ["returns", "advantages"])
def test_parameters_that_diverge_end_the_training_and_the_error_says_what_to_lower(broken: str) -> None:
    policy = a_policy()
    rollout = a_rollout(policy)._replace(**{broken: torch.full((10,), float("nan"))})

    with pytest.raises(FloatingPointError, match=r"diverged.*lower it"):
        a_learner(policy).learn(rollout, learning_rate=0.3)
