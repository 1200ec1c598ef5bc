from __future__ import annotations

import numpy as np
import scipy.stats
import torch

from shared.rl.policy import Policy
from shared.rl.spaces import BoxActions, DiscreteActions, Spaces

DISCRETE = Spaces((4,), DiscreteActions(3))
CONTINUOUS = Spaces((4,), BoxActions((2,), low=(-1.0, -1.0), high=(1.0, 1.0)))


def a_policy(spaces: Spaces, seed: int = 0) -> Policy:
    policy = Policy(spaces, (8,))
    policy.initialize(torch.Generator().manual_seed(seed))
    return policy


def test_discrete_actions_are_drawn_as_often_as_they_are_probable() -> None:
    policy = a_policy(DISCRETE)
    with torch.no_grad():
        policy.actor.biases[-1].copy_(torch.tensor([0.0, 1.0, 2.0]))
    obs = torch.zeros(20_000, 4)

    actions = policy.act(obs, policy.noise((20_000,), torch.Generator().manual_seed(0)))

    expected = torch.tensor([0.0, 1.0, 2.0]).softmax(0)
    torch.testing.assert_close(actions.bincount() / 20_000, expected, atol=0.02, rtol=0)
    log_prob, _ = policy.log_prob_and_entropy(obs[:3], torch.arange(3))
    torch.testing.assert_close(log_prob.exp(), expected)


def test_the_log_probability_of_a_real_action_is_that_of_the_gaussian_it_was_drawn_from() -> None:
    policy = a_policy(CONTINUOUS)
    assert policy.log_std is not None
    torch.nn.init.constant_(policy.log_std, -0.5)
    obs = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    actions = policy.act(obs, policy.noise((5,), torch.Generator().manual_seed(2)))

    log_prob, entropy = policy.log_prob_and_entropy(obs, actions)

    mean, spread = policy.act(obs).detach().numpy(), policy.log_std.exp().detach().numpy()
    expected = scipy.stats.norm(mean, spread)
    np.testing.assert_allclose(log_prob.detach(), expected.logpdf(actions.detach().numpy()).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(entropy.detach(), expected.entropy().sum(-1), rtol=1e-5)


def test_the_entropy_of_a_new_discrete_policy_is_nearly_that_of_random_actions() -> None:
    obs = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))

    _, entropy = a_policy(DISCRETE).log_prob_and_entropy(obs, torch.zeros(6, dtype=torch.int64))

    torch.testing.assert_close(entropy, torch.full((6,), 3.0).log(), atol=1e-3, rtol=0)


def test_without_noise_the_most_probable_action_is_taken() -> None:
    obs = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    policy = a_policy(DISCRETE)

    chosen, _ = policy.log_prob_and_entropy(obs, policy.act(obs))

    for action in range(3):
        assert (chosen >= policy.log_prob_and_entropy(obs, torch.full((6,), action))[0]).all()


def test_initial_weights_depend_on_the_given_generator_and_do_not_change_the_global_one() -> None:
    before = torch.get_rng_state()

    same = a_policy(DISCRETE, seed=3).state_dict()
    again = a_policy(DISCRETE, seed=3).state_dict()
    other = a_policy(DISCRETE, seed=4).state_dict()

    assert all(torch.equal(same[name], again[name]) for name in same)
    assert not torch.equal(same["actor.weights.0"], other["actor.weights.0"])
    assert torch.equal(before, torch.get_rng_state())
