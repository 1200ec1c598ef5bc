"""A small network of rectified linear units with its own backward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Linear layers with rectified linear units in between.

    It computes the same as nn.Sequential(nn.Linear, nn.ReLU, ...), but as one node of autograd instead of three for
    each layer: with 64 units and minibatches of 512, the bookkeeping would take longer than the arithmetic. There is no
    gradient with respect to the input.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        """Build for `sizes` = inputs, hidden sizes, outputs; the values are not initialized."""
        super().__init__()
        self.weights = nn.ParameterList(torch.empty(inputs, outputs) for inputs, outputs in pairwise(sizes))
        self.biases = nn.ParameterList(torch.empty(outputs) for outputs in sizes[1:])

    def initialize(self, generator: torch.Generator, *, last_gain: float) -> None:
        """Set orthogonal weights (Saxe et al. 2014), with gain sqrt(2), in the last layer `last_gain`; biases 0."""
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            nn.init.orthogonal_(weight, last_gain if layer == last else math.sqrt(2), generator=generator)
            nn.init.zeros_(bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        weights, biases = list(self.weights), list(self.biases)
        if torch.is_grad_enabled():
            outputs: Tensor = _Layers.apply(rows, *weights, *biases)  # type: ignore[no-untyped-call]
        else:
            outputs = torch.addmm(biases[-1], _layer_inputs(rows, weights, biases)[-1], weights[-1])
        return outputs.view(*inputs.shape[:-1], -1)


class _Layers(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, *parameters: Tensor) -> Tensor:
        depth = len(parameters) // 2
        weights, biases = parameters[:depth], parameters[depth:]
        inputs = _layer_inputs(rows, weights, biases)
        ctx.save_for_backward(*inputs, *weights)
        return torch.addmm(biases[-1], inputs[-1], weights[-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        depth = len(ctx.saved_tensors) // 2
        inputs, weights = ctx.saved_tensors[:depth], ctx.saved_tensors[depth:]
        of_weights, of_biases = [], []
        for layer in reversed(range(depth)):
            of_weights.append(inputs[layer].t() @ gradient)
            of_biases.append(gradient.sum(0))
            if layer:  # a unit whose output is zero has no gradient
                gradient = torch.ops.aten.threshold_backward(gradient @ weights[layer].t(), inputs[layer], 0)
        return None, *reversed(of_weights), *reversed(of_biases)


def _layer_inputs(rows: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> list[Tensor]:
    """Return the inputs of each layer, (n, size)."""
    inputs = [rows]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(torch.addmm(bias, inputs[-1], weight).relu_())
    return inputs
