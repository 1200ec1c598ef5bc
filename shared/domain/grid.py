"""`method: grid`: a few values of each parameter, and all their combinations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shared.domain.errors import ConfigError
from shared.domain.parameter import Params, Value
from shared.domain.search_space import SearchSpace

LARGEST = 1_000_000


class Grid:
    """The combinations of a space that meet its constraints, numbered from 0.

    A continuous parameter has `points` values, even on its scale. One with fewer values than that has them all; a
    categorical one always has. Raises ConfigError for a grid of more than `LARGEST` combinations, or of none.
    """

    def __init__(self, space: SearchSpace, *, points: int) -> None:
        self.axes: dict[str, list[Value]] = {}
        for parameter in space.parameters:
            count = len(parameter.values) or min(parameter.cells or points, points)
            places = [(k + 0.5) / count if parameter.is_categorical else k / max(count - 1, 1) for k in range(count)]
            values = [parameter.decode(place) for place in places]
            self.axes[parameter.path] = list(dict.fromkeys(values))
        combinations = math.prod(len(values) for values in self.axes.values())
        if combinations > LARGEST:
            raise ConfigError(
                f"sweep.grid_points is {points}: the grid of {len(self.axes)} parameters has {combinations} "
                f"combinations, more than {LARGEST}: take fewer points, or method: sobol"
            )
        self._legal: Sequence[int] = range(combinations)
        if space.constraints:
            self._legal = [number for number in self._legal if space.allows(self._combination(number))]
        if not self._legal:
            raise ConfigError(
                f"sweep.grid_points is {points}: none of {combinations} combinations meets the constraints"
            )

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return len(self._legal)

    def __getitem__(self, number: int) -> Params:
        return self._combination(self._legal[number])

    def _combination(self, number: int) -> Params:
        params: Params = {}
        for path, values in reversed(self.axes.items()):
            number, place = divmod(number, len(values))
            params[path] = values[place]
        return {path: params[path] for path in self.axes}
