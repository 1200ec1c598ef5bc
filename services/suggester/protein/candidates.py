"""Makes candidates: the first points, the pool, and the points that an ascent from the best candidates finds.

Candidates are units (m, d) of a search space, already rounded to legal values.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from services.suggester.protein.acquisition import Acquisition
from services.suggester.protein.length import Length
from services.suggester.protein.surrogate import ONE_HOT_SCALE
from shared.domain.search_space import SearchSpace

Array = NDArray[np.float64]

DESIGN_SPREAD: Final = 0.7  # the first points are in this part of the box around the search centre
SHORT_RUNS: Final = 0.5  # and in this part of the lengths of a run, from the shortest, on a log scale
LOCAL_RADIUS: Final = (0.003, 0.4)  # of candidates around a good point, in units
SMALL_SPACE: Final = 2048  # with no more configurations than this, all of them are candidates


class Cube:
    """A search space as the surrogates see it; `length_path` names the parameter that is the length of a run."""

    def __init__(self, space: SearchSpace, length_path: str | None = None) -> None:
        self.space = space
        self.owners = space.feature_parameters
        varying = [j for j, p in enumerate(space.parameters) if not p.is_constant]
        columns = {j: [c for c, owner in enumerate(self.owners) if varying[owner] == j] for j in varying}
        self.column_scale = np.array([ONE_HOT_SCALE if self.owners.count(o) > 1 else 1.0 for o in self.owners])
        self.categorical = np.array([p.is_categorical for p in space.parameters])
        self.cells = [p.cells for p in space.parameters]
        self.radius = np.array([min(p.scale, 1.0) / 0.5 for p in space.parameters])
        self.continuous = [j for j in varying if not self.cells[j] and not space.parameters[j].is_integer]
        self.continuous_columns = [columns[j][0] for j in self.continuous]
        self.discrete = [j for j in varying if self.cells[j]]
        self.length = None
        if length_path in space.paths:
            index = space.paths.index(length_path)
            self.length = Length.of(space.parameters[index], index=index, column=columns.get(index, [0])[0])

    def features(self, units: Array) -> Array:
        """Return features (m, w) of units (m, d): two categories have distance 1, the length of a run is its place."""
        features: Array = self.space.features(units) * self.column_scale
        if self.length is not None:
            features[:, self.length.column] = self.length.places(features[:, self.length.column])
        return features

    def log_length(self, features: Array) -> tuple[Array, Array]:
        """Return the log of a run's length (m,), up to a constant, and its gradient (m, w).

        Both are 0 if no parameter is the length of a run, or if its scale is not that of a length.
        """
        length, gradient = np.zeros(len(features)), np.zeros_like(features)
        if self.length is not None:
            length, gradient[:, self.length.column] = (
                self.length.span * features[:, self.length.column],
                self.length.span,
            )
        return length, gradient

    def moved(self, units: Array, features: Array) -> Array:
        """Return units (m, d) with the continuous parameters taken from `features` (m, w)."""
        found = units.copy()
        found[:, self.continuous] = features[:, self.continuous_columns]
        if self.length is not None and self.length.index in self.continuous:
            found[:, self.length.index] = self.length.units(features[:, self.length.column])
        return found


def design_point(
    cube: Cube, *, seed: int, index: int, short: Length | None = None, spread: float = DESIGN_SPREAD
) -> Array:
    """Return point `index` of a scrambled Sobol sequence, moved towards the search centre, as units (d,).

    `spread` is the part of the box that the sequence fills: with 1 the centre has no effect.
    `short` is the length of a run, if the first runs have to be short.
    """
    engine: Any = torch.quasirandom.SobolEngine  # torch has no types for it
    sobol = engine(len(cube.space), scramble=True, seed=seed).fast_forward(index)
    point: Array = sobol.draw(1, dtype=torch.float64)[0].numpy()
    centre = np.array([p.encode_mean() for p in cube.space.parameters])
    unit = np.where(cube.categorical, point, (1 - spread) * centre + spread * point)
    if short is not None:
        unit[short.index] = short.units(SHORT_RUNS * point[[short.index]])[0]
    snapped: Array = cube.space.snap(unit[None])[0]
    return snapped


def everything(space: SearchSpace) -> Array:
    """Return all configurations of a finite space as units (size, d)."""
    axes = [
        [(k + 0.5) / p.cells for k in range(p.cells)]
        if p.cells
        else [p.encode(value) for value in range(int(p.min), int(p.max) + 1)]
        for p in space.parameters
    ]
    return space.combinations(axes)


def around(cube: Cube, rng: np.random.Generator, centres: Array, *, each: int, scale: float) -> Array:
    """Draw `each` candidates around each of `centres` (c, d): near and far, in a random part of the dimensions.

    With conditional parameters there are a few less, because none is equal to its centre.
    """
    low, high = np.log(LOCAL_RADIUS)
    m, d = len(centres) * each, len(cube.space)
    radius = scale * np.exp(rng.uniform(low, high, (m, 1))) * cube.radius
    moved = rng.random((m, d)) < np.maximum(rng.random((m, 1)), 1.5 / d)
    moved[np.arange(m), rng.integers(d, size=m)] = True
    start = np.repeat(centres, each, axis=0)
    units = np.where(moved, start + radius * rng.standard_normal((m, d)), start)
    other = moved & cube.categorical & (rng.random((m, d)) < 0.5)
    units = np.where(cube.categorical, np.where(other, rng.random((m, d)), start), units)
    units = np.where(units < 0, -units, units)  # reflected, so that candidates do not collect on the bounds
    units = np.where(units > 1, 2 - units, units)
    legal = cube.space.snap(units)
    if cube.space.is_conditional:  # if only inactive parameters moved, it is equal to its centre
        legal = legal[(legal != start).any(axis=1)]
    return legal


def climb(cube: Cube, acquisition: Acquisition, units: Array, *, steps: int) -> Array:
    """Move units (m, d) to higher ranks: gradient steps, neighbours of discrete values, gradient steps again."""
    units = _ascend(cube, acquisition, units, steps=steps)
    if cube.discrete:
        units = _try_neighbours(cube, acquisition, units)
        units = _ascend(cube, acquisition, units, steps=steps // 2)
    return units


def _ascend(cube: Cube, acquisition: Acquisition, units: Array, *, steps: int) -> Array:
    """Do projected gradient ascent in the continuous parameters, with step lengths of Barzilai and Borwein (1988)."""
    if not cube.continuous:
        return units
    columns = cube.continuous_columns
    here = cube.features(units)
    metric = np.ones(len(columns)) if acquisition.loss is None else acquisition.loss.stretch[columns] ** -2.0
    metric = np.minimum(metric, 1.0)
    active = cube.space.activity(units)[:, cube.continuous] if cube.space.is_conditional else True
    value, gradient = acquisition.with_gradient(here)
    slope = gradient[:, columns] * active
    step = 0.05 / (np.abs(slope * metric).max(axis=1) + 1e-12)
    for _ in range(steps):
        there = here.copy()
        there[:, columns] = np.clip(here[:, columns] + step[:, None] * metric * slope, 0, 1)
        new_value, gradient = acquisition.with_gradient(there)
        new_slope = gradient[:, columns] * active
        better = new_value > value
        moved, bent = there[:, columns] - here[:, columns], new_slope - slope
        curvature = -np.einsum("mj,mj->m", moved, bent)
        with np.errstate(divide="ignore", invalid="ignore"):
            fitted = np.einsum("mj,mj->m", moved, moved / metric) / curvature
        longer = np.where((curvature > 0) & np.isfinite(fitted), np.minimum(fitted, 10 * step), 3 * step)
        step = np.where(better, longer, 0.25 * step)
        here[better], value[better], slope[better] = there[better], new_value[better], new_slope[better]
    return cube.moved(units, here)


def _try_neighbours(cube: Cube, acquisition: Acquisition, units: Array) -> Array:
    """Move each point to the best of itself and its neighbours, which differ in one discrete parameter."""
    found = []
    for unit in units:
        options = [unit]
        for j in cube.discrete:
            cells = cube.cells[j]
            cell = int(unit[j] * cells)
            others = range(cells) if cube.categorical[j] else (cell - 1, cell + 1)
            for other in others:
                if other != cell and 0 <= other < cells:
                    options.append(np.where(np.arange(len(unit)) == j, (other + 0.5) / cells, unit))
        found.append(cube.space.snap(np.array(options)) if cube.space.is_conditional else np.array(options))
    ranks = np.split(acquisition(cube.features(np.concatenate(found))), np.cumsum([len(o) for o in found])[:-1])
    return np.array([options[np.argmax(rank)] for options, rank in zip(found, ranks, strict=True)])
