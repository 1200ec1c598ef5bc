"""Search space of a benchmark problem: nested sweep config <-> unit cube.

Only the benchmark uses this module, so that the optimizers of all libraries are measured
on the same space. A leaf is a dict with a `distribution` key:

    uniform       linear scale               int_uniform    integers, linear scale
    uniform_pow2  powers of two              log_normal     uniform on a log scale
    logit_normal  uniform in log(1 - x)      categorical    one of `values`
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Params = dict[str, Any]


@dataclass(frozen=True)
class Param:
    name: str  # dotted path
    distribution: str
    min: float = 0.0
    max: float = 1.0
    mean: float | None = None
    scale: float = 0.5
    values: tuple = field(default=())

    @property
    def is_categorical(self) -> bool:
        return self.distribution == "categorical"

    def _warp(self, value: float) -> float:
        if self.distribution == "log_normal":
            return math.log(value)
        if self.distribution == "uniform_pow2":
            return math.log2(value)
        if self.distribution == "logit_normal":
            return -math.log1p(-value)
        return float(value)

    def _unwarp(self, warped: float) -> float:
        if self.distribution == "log_normal":
            return math.exp(warped)
        if self.distribution == "uniform_pow2":
            return 2 ** round(warped)
        if self.distribution == "logit_normal":
            return -math.expm1(-warped)
        if self.distribution == "int_uniform":
            return round(warped)
        return warped

    def from_unit(self, u: float) -> Any:
        u = min(max(float(u), 0.0), 1.0)
        if self.is_categorical:
            return self.values[min(int(u * len(self.values)), len(self.values) - 1)]
        low, high = self._warp(self.min), self._warp(self.max)
        value = self._unwarp(low + u * (high - low))
        return min(max(value, self.min), self.max)

    def to_unit(self, value: Any) -> float:
        if self.is_categorical:
            return (self.values.index(value) + 0.5) / len(self.values)
        low, high = self._warp(self.min), self._warp(self.max)
        return (self._warp(value) - low) / (high - low)


class Space:
    def __init__(self, parameters: dict):
        self.parameters = parameters
        self.params = list(_leaves(parameters))
        self.names = [p.name for p in self.params]

    def __len__(self) -> int:
        return len(self.params)

    def from_unit(self, u) -> Params:
        return {p.name: p.from_unit(x) for p, x in zip(self.params, u, strict=False)}

    def to_unit(self, params: Params) -> np.ndarray:
        return np.array([p.to_unit(params[p.name]) for p in self.params])

    def sample(self, rng: np.random.Generator) -> Params:
        return self.from_unit(rng.random(len(self)))


def _leaves(node: dict, prefix: str = "") -> Iterator[Param]:
    for key, child in node.items():
        path = f"{prefix}.{key}" if prefix else key
        if "distribution" in child:
            options = dict(child)
            options["values"] = tuple(options.get("values", ()))
            yield Param(name=path, **options)
        else:
            yield from _leaves(child, path)
