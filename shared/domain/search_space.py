"""The search space of a sweep: its parameters, the search centre, and the map to the unit cube.

Three ways to write one configuration:

    params    dict {dotted path: plain Python value}, the parameters of a run
    unit      (d,) floats in [0, 1], one per parameter; a uniform draw here is a uniform draw of the parameter
    features  (w,) floats in [0, 1], the input of a surrogate: categories one-hot, constants left out

A parameter with k discrete values divides its unit interval into k equal cells and encodes a value as the middle of
its cell. So the first and the last integer have cells of the same size as the others.

A parameter whose conditions are not true is inactive: params do not have it, and in units it is at its search centre.
So each configuration has exactly one form of each kind, and a surrogate sees a constant where a parameter has no
meaning (Levesque et al., 2017).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.domain.conditions import axis_of, count_combinations, settle_conditions
from shared.domain.constraints import CONSTRAINTS, Constraint, read_constraint
from shared.domain.errors import ConfigError
from shared.domain.parameter import Array, Condition, Parameter, Params, Value
from shared.domain.parameter_file import read_parameters
from shared.domain.wording import nearest

FEASIBILITY_DRAWS = 4000
__all__ = ["Parameter", "Params", "SearchSpace", "Value"]


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of a sweep, with their distributions, conditions and constraints.

    Build one with `from_config`. `len(space)` is d, the number of searched parameters.

    Attributes:
        parameters: The d parameters, in the order in which they were given.
        notes: Sentences about values that were read differently than written.
        constraints: Comparisons that every configuration meets.
        idle: Paths of parameters that are not searched, because the config makes them inactive.

    Example:
        ```python
        space = ps.SearchSpace.from_config({"lr": ps.log_uniform(1e-5, 1e-1), "layers": ps.choice([1, 2, 4])})
        space.centre()  # {"lr": 0.001, "layers": 1}
        ```
    """

    parameters: tuple[Parameter, ...]
    notes: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    idle: tuple[str, ...] = ()

    @classmethod
    def from_config(
        cls, parameters: Mapping[str, Any], *, constraints: Sequence[Any] = (), fixed: Mapping[str, Any] | None = None
    ) -> SearchSpace:
        """Read a search space from plain data.

        Args:
            parameters: Distributions by name, as below `parameters:` of a sweep; a mapping without the key
                `distribution` is a section, whose names become dotted paths.
            constraints: Comparisons of dotted paths, numbers and texts, such as `"a <= b"`.
            fixed: Values of other keys, by dotted path, that conditions and constraints may use.

        Returns:
            The space.

        Raises:
            ConfigError: A distribution, a condition or a constraint cannot be used; the message has the dotted path
                and the remedy.

        Example:
            ```python
            ps.SearchSpace.from_config(
                {
                    "optimizer": {"type": ps.choice(["adam", "sgd"])},
                    "momentum": ps.uniform(0, 0.99, when={"optimizer.type": "sgd"}),
                }
            )
            ```
        """
        written, notes = read_parameters(parameters)
        found, idle = settle_conditions(written, fixed or {})
        left_out = [f"{path}: not searched, because it is never active: {reason}" for path, reason in idle.items()]
        space = cls(found, (*notes, *left_out), idle=tuple(idle))
        if not constraints:
            return space
        searched = tuple(parameter.path for parameter in written)
        return space.constrained(
            tuple(read_constraint(text, searched=searched, fixed=fixed or {}) for text in constraints)
        )

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(parameter.path for parameter in self.parameters)

    @property
    def is_finite(self) -> bool:
        """Whether the number of configurations is finite."""
        return self.size < math.inf

    @cached_property
    def size(self) -> float:
        """The number of different configurations, inf if any parameter is continuous."""
        return count_combinations(self.parameters, {p.path: axis_of(p, self.parameters) for p in self.parameters})

    @cached_property
    def is_conditional(self) -> bool:
        """Whether any parameter is inactive in some configurations."""
        return any(parameter.when for parameter in self.parameters)

    @cached_property
    def parents_first(self) -> tuple[int, ...]:
        """(d,) The indices of the parameters, each after those that it depends on, which have fewer conditions."""
        return tuple(sorted(range(len(self)), key=lambda j: len(self.parameters[j].when)))

    @property
    def feature_parameters(self) -> tuple[int, ...]:
        """(w,) For each feature column the index of its parameter among the parameters that vary."""
        owners: list[int] = []
        for index, parameter in enumerate(p for p in self.parameters if not p.is_constant):
            owners += [index] * (len(parameter.values) or 1)
        return tuple(owners)

    def constrained(self, constraints: tuple[Constraint, ...]) -> SearchSpace:
        """Return the space with `constraints`, and a note on the share of it that meets them.

        Raises ConfigError if none of many configurations meets them.
        """
        space = replace(self, constraints=constraints)
        rng = np.random.default_rng(0)
        met = sum(space.allows(self.sample_uniform(rng)) for _ in range(FEASIBILITY_DRAWS))
        text = " and ".join(constraint.text for constraint in constraints)
        if not met:
            raise ConfigError(
                f"none of {FEASIBILITY_DRAWS} configurations meets {text}",
                path=CONSTRAINTS,
                remedy="loosen the constraints",
            )
        note = f"{100 * met / FEASIBILITY_DRAWS:.2g} % of the space meets the constraints"
        return replace(space, notes=(*self.notes, note))

    def allows(self, params: Mapping[str, Value]) -> bool:
        """Whether legal `params` meet all constraints."""
        return all(constraint.allows(params) for constraint in self.constraints)

    def centre(self) -> Params:
        """Return the search centre.

        Returns:
            The centre of each active parameter by dotted path; of a parameter with categories, the first one.
        """
        return self._active({p.path: p.centre for p in self.parameters})

    def completed(self, given: Mapping[str, object]) -> Params:
        """Return `given`, completed with the active parameters of the centre. Raises ConfigError as `validate` does."""
        return self.validate({**{p.path: p.centre for p in self.parameters}, **given})

    def sample(self, rng: np.random.Generator, *, scale: float = 1.0) -> Params:
        """Draw around the centre: clip(centre + scale x search radius x U(-1, 1)) in u; categories uniformly."""
        draws = rng.uniform(-1.0, 1.0, len(self))
        units = [
            (draw + 1) / 2 if p.is_categorical else p.encode_mean() + 0.5 * scale * p.scale * draw
            for p, draw in zip(self.parameters, draws, strict=True)
        ]
        return self.decode(np.clip(units, 0.0, 1.0))

    def sample_uniform(self, rng: np.random.Generator) -> Params:
        """Draw from the whole space, each parameter on its own scale."""
        return self.decode(rng.random(len(self)))

    def validate(self, params: Mapping[str, object]) -> Params:
        """Check parameters.

        Args:
            params: Values by dotted path. Inactive parameters may be given or left out.

        Returns:
            The active parameters, in the order and with the types of this space.

        Raises:
            ConfigError: A path is unknown or missing, or a value has the wrong type or is outside its bounds.
        """
        for path in params:
            if path not in self.paths and path not in self.idle:
                raise ConfigError("not a parameter of this space", path=path, meant=nearest(path, self.paths))
        checked: Params = {}
        for p in (self.parameters[j] for j in self.parents_first):
            if not p.is_active(checked):
                continue
            if p.path not in params:
                which = "parameter that is active" if self.is_conditional else f"of the {len(self)} parameters"
                raise ConfigError("missing", path=p.path, remedy=f"give a value for each {which}")
            checked[p.path] = p.check(params[p.path])
        return {path: checked[path] for path in self.paths if path in checked}

    def encode(self, params: Mapping[str, Value]) -> Array:
        """Return legal `params` as units (d,)."""
        places = zip(self.parameters, self._resting, strict=True)
        return np.array([p.encode(params[p.path]) if p.is_active(params) else rest for p, rest in places])

    def decode(self, units: Sequence[float] | Array) -> Params:
        """Return the params at units (d,); units outside [0, 1] are moved to the bound."""
        values = {p.path: p.decode(float(unit)) for p, unit in zip(self.parameters, units, strict=True)}
        if self.is_conditional:  # exactly the centre, so that such a configuration is found again
            at_rest = zip(self.parameters, np.equal(units, self._resting), strict=True)
            values |= {p.path: p.centre for p, rests in at_rest if rests and p.when}
        return self._active(values)

    def snap(self, units: Array) -> Array:
        """Move units (n, d) to the nearest legal values, so that encode(decode(x)) is x."""
        legal = np.column_stack([p.snap(units[:, j]) for j, p in enumerate(self.parameters)])
        return np.where(self.activity(legal), legal, self._resting) if self.is_conditional else legal

    def activity(self, units: Array) -> NDArray[np.bool_]:
        """Return a mask (n, d) of the parameters that are active at units (n, d)."""
        active = np.ones(units.shape, dtype=np.bool_)
        for parent, values, children in self._gates:
            cells = self.parameters[parent].cells
            cell = np.clip(np.floor(units[:, parent] * cells), 0, cells - 1)
            active[:, children] &= (cell[:, None] == values).any(axis=1)[:, None]
        return active

    def combinations(self, axes: Sequence[Sequence[float]]) -> Array:
        """Return each configuration whose active parameters take units of their axes once, as units (n, d).

        Without conditions the last parameter changes fastest.
        """
        rows: Array = self._resting[None].copy()
        for j in self.parents_first:
            axis, active = np.asarray(axes[j]), self.activity(rows)[:, j]
            copies = np.where(active, len(axis), 1)
            origin = np.repeat(np.arange(len(rows)), copies)
            place = np.arange(len(origin)) - np.repeat(np.cumsum(copies) - copies, copies)
            rows = rows[origin]
            rows[:, j] = np.where(active[origin], axis[place], rows[:, j])
        return rows

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

    def _active(self, values: Params) -> Params:
        """Return `values`, one for each parameter, without those of inactive parameters."""
        if not self.is_conditional:
            return values
        return {p.path: values[p.path] for p in self.parameters if p.is_active(values)}

    @cached_property
    def _resting(self) -> Array:
        """(d,) The units of inactive parameters."""
        return np.array([p.encode(p.centre) for p in self.parameters])

    @cached_property
    def _gates(self) -> list[tuple[int, Array, list[int]]]:
        """The index of a parent, the cells in which its children are active, and the indices of the children."""
        children: dict[Condition, list[int]] = {}
        for j, parameter in enumerate(self.parameters):
            for condition in parameter.when:
                children.setdefault(condition, []).append(j)
        gates = []
        for condition, behind in children.items():
            column = self.paths.index(condition.path)
            parent = self.parameters[column]
            opening = [math.floor(parent.encode(value) * parent.cells) for value in condition.values]
            gates.append((column, np.array(opening, dtype=np.float64), behind))
        return gates
