from __future__ import annotations

import pytest
import torch

from services.trainer.ppo.adam import Adam
from shared.config.schema import OptimizerConfig

CONFIG = OptimizerConfig(learning_rate=0.1, beta1=0.8, beta2=0.99, eps=1e-3)


def a_network() -> torch.nn.Linear:
    network = torch.nn.Linear(3, 2)
    torch.nn.init.constant_(network.weight, 0.5)
    torch.nn.init.constant_(network.bias, -0.5)
    return network


def loss_of(network: torch.nn.Module, step: int) -> torch.Tensor:
    loss: torch.Tensor = network(torch.tensor([[1.0, -2.0, float(step)]])).square().sum()
    return loss


def test_ten_steps_are_those_of_torchs_adam_with_its_gradient_clipping() -> None:
    ours, theirs = a_network(), a_network()
    adam = Adam(ours.parameters(), CONFIG)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.1, betas=(0.8, 0.99), eps=1e-3)

    for step in range(10):
        adam.step(adam.gradient(loss_of(ours, step), max_norm=0.7), learning_rate=0.1)
        reference.zero_grad()
        torch.autograd.backward(loss_of(theirs, step))
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.7)
        reference.step()

    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def test_a_restored_state_continues_to_the_bit() -> None:
    one = a_network()
    adam = Adam(one.parameters(), CONFIG)
    adam.step(adam.gradient(loss_of(one, 1), max_norm=9), learning_rate=0.1)
    other = a_network()
    other.load_state_dict(one.state_dict())
    restored = Adam(other.parameters(), CONFIG)
    restored.load_state(adam.state())

    for network, optimizer in ((one, adam), (other, restored)):
        optimizer.step(optimizer.gradient(loss_of(network, 2), max_norm=9), learning_rate=0.1)

    assert torch.equal(one.weight, other.weight)


def test_the_state_of_another_network_is_refused() -> None:
    adam = Adam(a_network().parameters(), CONFIG)

    with pytest.raises(ValueError, match="mean of Adam"):
        adam.load_state({"mean": torch.zeros(3), "square": torch.zeros(3), "count": torch.tensor(1)})
