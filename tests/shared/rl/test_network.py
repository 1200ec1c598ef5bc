from __future__ import annotations

import pytest
import torch
from torch import nn

from shared.rl.network import Network


def a_network(*sizes: int) -> Network:
    network = Network(sizes)
    network.initialize(torch.Generator().manual_seed(0), last_gain=1.0)
    for bias in network.biases:
        nn.init.constant_(bias, 0.1)
    return network


def torchs_own(network: Network) -> nn.Sequential:
    """The same network, layer by layer."""
    layers: list[nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        layer = nn.Linear(*weight.shape)
        layer.load_state_dict({"weight": weight.t(), "bias": bias})
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("sizes", [(3, 2), (3, 8, 1), (3, 8, 5, 2)])
def test_outputs_and_gradients_are_those_of_torchs_layers(sizes: tuple[int, ...]) -> None:
    network = a_network(*sizes)
    reference = torchs_own(network)
    rows = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))

    outputs, expected = network(rows), reference(rows)
    parameters = [parameter for pair in zip(network.weights, network.biases, strict=True) for parameter in pair]
    gradients = torch.autograd.grad(outputs.square().sum(), parameters)
    theirs = torch.autograd.grad(expected.square().sum(), list(reference.parameters()))

    torch.testing.assert_close(outputs, expected)
    for ours, other in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(ours, other.t() if other.ndim == 2 else other)


def test_outputs_are_the_same_without_gradients() -> None:
    network = a_network(3, 8, 2)
    batch = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(1))

    with torch.no_grad():
        without = network(batch)

    assert without.shape == (4, 5, 2)
    assert torch.equal(without, network(batch).detach())
