"""The search space of a sweep: what may be varied, where the search starts, and its map to the unit cube.

Three ways to write one configuration:

    params    dict {dotted path: plain Python value}, what a run is started with
    unit      (d,) floats in [0, 1], one per parameter; a uniform draw here is a uniform draw of the parameter
    features  (w,) floats in [0, 1], what a surrogate sees: categories one-hot, constants left out

A parameter with k discrete values cuts its unit interval into k equal cells and encodes a value as the middle of
its cell. So the first and the last integer have as much room as any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.domain.constraints import Constraint, read_constraint
from shared.domain.errors import ConfigError
from shared.domain.parameter import Array, Parameter, Params, Value
from shared.domain.parameter_file import read_parameters
from shared.domain.wording import did_you_mean

FEASIBILITY_DRAWS = 4000
__all__ = ["Parameter", "Params", "SearchSpace", "Value"]


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of a sweep in the order of its file. `notes` tells what was read differently than written."""

    parameters: tuple[Parameter, ...]
    notes: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def from_config(
        cls, parameters: Mapping[str, Any], *, constraints: Sequence[Any] = (), fixed: Mapping[str, Any] | None = None
    ) -> SearchSpace:
        """Read the mapping below `parameters:` of a sweep; a leaf is a mapping with the key `distribution`.

        `constraints` are texts over the dotted paths of parameters, and of `fixed` values that are not searched.
        Raises ConfigError for anything that cannot be used; the message names the dotted path and the remedy.
        """
        space = cls(*read_parameters(parameters))
        if not constraints:
            return space
        read = tuple(read_constraint(text, searched=space.paths, fixed=fixed or {}) for text in constraints)
        return space.constrained(read)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(parameter.path for parameter in self.parameters)

    @property
    def is_finite(self) -> bool:
        """Whether there are only so many configurations."""
        return self.size < math.inf

    @property
    def size(self) -> float:
        """The number of different configurations, inf if any parameter is continuous."""
        counts = (p.cells or (p.max - p.min + 1 if p.is_integer else math.inf) for p in self.parameters)
        return math.prod(float(count) for count in counts)

    @property
    def feature_parameters(self) -> tuple[int, ...]:
        """(w,) For each feature column the index of its parameter among those that vary."""
        owners: list[int] = []
        for index, parameter in enumerate(p for p in self.parameters if not p.is_constant):
            owners += [index] * (len(parameter.values) or 1)
        return tuple(owners)

    def constrained(self, constraints: tuple[Constraint, ...]) -> SearchSpace:
        """Return the space in which `constraints` hold, with a note on how much of it that is.

        Raises ConfigError if none of many configurations meets them.
        """
        space = replace(self, constraints=constraints)
        rng = np.random.default_rng(0)
        met = sum(space.allows(self.sample_uniform(rng)) for _ in range(FEASIBILITY_DRAWS))
        told = " and ".join(constraint.text for constraint in constraints)
        if not met:
            raise ConfigError(
                f"sweep.constraints: none of {FEASIBILITY_DRAWS} configurations meets {told}: loosen them"
            )
        note = f"{100 * met / FEASIBILITY_DRAWS:.2g} % of the space meets the constraints"
        return replace(space, notes=(*self.notes, note))

    def allows(self, params: Mapping[str, Value]) -> bool:
        """Whether legal `params` meet all constraints."""
        return all(constraint.allows(params) for constraint in self.constraints)

    def centre(self) -> Params:
        """Return the search centre: `mean` of each parameter, the first of its categories."""
        return {p.path: p.centre for p in self.parameters}

    def sample(self, rng: np.random.Generator, *, scale: float = 1.0) -> Params:
        """Draw around the centre: clip(centre + scale x search radius x U(-1, 1)) in u; categories uniformly."""
        draws = rng.uniform(-1.0, 1.0, len(self))
        units = [
            (draw + 1) / 2 if p.is_categorical else p.encode_mean() + 0.5 * scale * p.scale * draw
            for p, draw in zip(self.parameters, draws, strict=True)
        ]
        return self.decode(np.clip(units, 0.0, 1.0))

    def sample_uniform(self, rng: np.random.Generator) -> Params:
        """Draw from the whole box, each parameter on its own scale."""
        return self.decode(rng.random(len(self)))

    def validate(self, params: Mapping[str, object]) -> Params:
        """Return `params` in this space's order and types.

        Raises ConfigError for an unknown path, a missing one, and a value of the wrong type or outside the bounds.
        """
        for path in params:
            if path not in self.paths:
                raise ConfigError(f"{path}: not a parameter of this space{did_you_mean(path, self.paths)}")
        for path in self.paths:
            if path not in params:
                raise ConfigError(f"{path}: missing; give a value for each of the {len(self)} parameters")
        return {p.path: p.check(params[p.path]) for p in self.parameters}

    def encode(self, params: Mapping[str, Value]) -> Array:
        """Return legal `params` as units (d,)."""
        return np.array([p.encode(params[p.path]) for p in self.parameters])

    def decode(self, units: Sequence[float] | Array) -> Params:
        """Return the params at units (d,); values outside [0, 1] are moved to the bound."""
        return {p.path: p.decode(float(unit)) for p, unit in zip(self.parameters, units, strict=True)}

    def snap(self, units: Array) -> Array:
        """Move units (n, d) to the legal values nearest to them, so that encode(decode(x)) is x again."""
        return np.column_stack([p.snap(units[:, j]) for j, p in enumerate(self.parameters)])

    def features(self, units: Array) -> Array:
        """Turn units (n, d) into features (n, w): categories one-hot, constants left out."""
        columns: list[Array] = []
        for j, parameter in enumerate(self.parameters):
            if parameter.is_constant:
                continue
            if parameter.is_categorical:
                cell = np.clip(np.floor(units[:, j] * parameter.cells), 0, parameter.cells - 1)
                columns += [(cell == k).astype(np.float64) for k in range(parameter.cells)]
            else:
                columns.append(units[:, j])
        return np.column_stack(columns) if columns else np.empty((len(units), 0))
