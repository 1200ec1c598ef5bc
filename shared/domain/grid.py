"""`method: grid`: a few values of each parameter, and all their combinations."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.conditions import count_combinations
from shared.domain.errors import ConfigError
from shared.domain.parameter import Parameter, Params
from shared.domain.search_space import SearchSpace

LARGEST = 1_000_000


class Grid:
    """The combinations of a space that meet its constraints, numbered from 0.

    A continuous parameter has `points` values, evenly spaced on its scale. A parameter with fewer values, and a
    categorical one, has all of its values. Combinations that differ only in inactive parameters are one.
    Raises ConfigError for a grid of more than `LARGEST` combinations, or of none.
    """

    def __init__(self, space: SearchSpace, *, points: int) -> None:
        placed = {p.path: {p.decode(place): place for place in _places(p, points)} for p in space.parameters}
        self.axes = {path: list(values) for path, values in placed.items()}
        combinations = int(
            count_combinations(space.parameters, {path: dict.fromkeys(axis, 1) for path, axis in self.axes.items()})
        )
        if combinations > LARGEST:
            raise ConfigError(
                f"sweep.grid_points is {points}: the grid of {len(self.axes)} parameters has {combinations} "
                f"combinations, more than {LARGEST}: set fewer points, or use method: sobol"
            )
        self._space = space
        self._rows = space.combinations([list(placed[p].values()) for p in placed]) if space.is_conditional else None
        self._legal: Sequence[int] = range(combinations)
        if space.constraints:
            self._legal = [number for number in self._legal if space.allows(self._combination(number))]
        if not self._legal:
            raise ConfigError(
                f"sweep.grid_points is {points}: none of {combinations} combinations meets the constraints"
            )

    @property
    def size(self) -> int:
        """The number of combinations."""
        return len(self._legal)

    def __getitem__(self, number: int) -> Params:
        return self._combination(self._legal[number])

    def _combination(self, number: int) -> Params:
        if self._rows is not None:
            return self._space.decode(self._rows[number])
        params: Params = {}
        for path, values in reversed(self.axes.items()):
            number, place = divmod(number, len(values))
            params[path] = values[place]
        return {path: params[path] for path in self.axes}


def _places(parameter: Parameter, points: int) -> list[float]:
    """Return the values of a parameter as places in its unit interval."""
    number = len(parameter.values) or min(parameter.cells or points, points)
    if parameter.is_categorical:
        return [(k + 0.5) / number for k in range(number)]
    return [k / max(number - 1, 1) for k in range(number)]
