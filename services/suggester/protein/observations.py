"""The observations of Protein: finished runs, as arrays to which a surrogate can be fitted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.domain.parameter import Key, Params, key_of

Array = NDArray[np.float64]

LARGEST: Final = 1e150  # beyond it squares overflow


@dataclass(frozen=True)
class Standard:
    """An affine map to mean 0 and standard deviation 1."""

    shift: float
    spread: float

    @classmethod
    def of(cls, values: Array) -> Standard:
        """Fit to `values` (n,), finite and below 1e150; if all are equal, the spread is 1."""
        spread = float(np.std(values))
        shift = float(np.mean(values))
        usable = spread > 1e-9 * max(abs(shift), 1e-290)
        return cls(shift, spread if usable else 1.0)

    def __call__(self, values: Array) -> Array:
        return (values - self.shift) / self.spread

    def back(self, value: float) -> float:
        return value * self.spread + self.shift


@dataclass
class Observations:
    """Finished runs in the order of their observation. Losses are scores with a sign, so that lower is better.

    `units` are rows (d,); `losses` are nan for a failed run; `log_costs` are nan if the cost is not a positive number.
    `partial` rows are points of the curve of a run: the surrogates use them, but they do not count as runs.
    """

    units: list[Array] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    log_costs: list[float] = field(default_factory=list)
    partial: list[bool] = field(default_factory=list)
    keys: set[Key] = field(default_factory=set)

    def add(self, params: Params, unit: Array, *, loss: float | None, cost: float, partial: bool = False) -> None:
        usable = loss is not None and math.isfinite(loss)
        self.units.append(unit)
        self.losses.append(loss if usable and loss is not None else math.nan)
        self.log_costs.append(math.log(cost) if math.isfinite(cost) and cost > 0 else math.nan)
        self.partial.append(partial)
        self.keys.add(key_of(params))

    @property
    def runs(self) -> int:
        """How many runs were observed."""
        return len(self.partial) - sum(self.partial)

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def scored(self) -> int:
        """How many runs have a score."""
        return sum(math.isfinite(loss) for loss in self.losses)

    def arrays(self, *, most: int) -> tuple[Array, Array, Array]:
        """Return units (n, d), losses (n,) and log costs (n,) of at most `most` runs.

        If there are more, a quarter of `most` are the best runs; the others are taken evenly over time, so that the
        surrogate also knows the bad regions. Runs of one configuration rank by their mean: otherwise only those with
        good luck would be kept.
        """
        units, losses, log_costs = np.array(self.units), np.array(self.losses), np.array(self.log_costs)
        largest = np.nanmax(np.abs(losses), initial=0.0)
        if largest > LARGEST:
            losses = losses / (largest / LARGEST)
        if len(losses) <= most:
            return units, losses, log_costs
        order = np.argsort(_shared_means(units, losses), kind="stable")  # nan last
        rest = np.sort(order[most // 4 :])
        even = rest[np.linspace(0, len(rest) - 1, most - most // 4).round().astype(int)]
        kept = np.sort(np.concatenate([order[: most // 4], even]))
        return units[kept], losses[kept], log_costs[kept]

    @property
    def loss_unit(self) -> float:
        """The number by which `arrays` divides the losses: 1 unless they are too large to be squared."""
        largest = max((abs(loss) for loss in self.losses if math.isfinite(loss)), default=0.0)
        return largest / LARGEST if largest > LARGEST else 1.0


def _shared_means(units: Array, losses: Array) -> Array:
    """Return for each run the mean loss of all scored runs with the same units (n, d); nan for a failed run."""
    _, inverse = np.unique(units, axis=0, return_inverse=True)
    place, known = inverse.reshape(-1), np.isfinite(losses)
    counts = np.bincount(place, weights=known)
    means = np.bincount(place, weights=np.where(known, losses, 0.0)) / np.maximum(counts, 1.0)
    return np.where(known, means[place], np.nan)
