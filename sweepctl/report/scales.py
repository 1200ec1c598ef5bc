"""The axis of a parameter: the positions of its values, and the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.parameter import Parameter, Value
from sweepctl import formats
from sweepctl.report.drawing import escaped

LOGARITHMIC: Final = ("log_normal", "uniform_pow2")
LOGIT_TICKS: Final = (0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
MARGIN: Final = 0.04  # of the axis, at both ends
APART: Final = 0.1  # of the axis, between two ticks
MOST_TICKS: Final = 6
FEW_DECADES: Final = 1.5
MOST_LABELS: Final = 16  # characters of a category


@dataclass(frozen=True)
class Scale:
    """The axis of one parameter.

    A log scale has a logarithmic axis, a linear scale a linear one. Categories are one apart. A logit is at its
    position in the search space, from 0 to 1.
    """

    parameter: Parameter

    @property
    def kind(self) -> str:
        """log, linear, categories or logit."""
        if self.parameter.is_categorical:
            return "categories"
        if self.parameter.distribution in LOGARITHMIC:
            return "log"
        return "logit" if self.parameter.distribution == "logit_normal" else "linear"

    def at(self, value: Value) -> float:
        """Return the position of a legal value on the axis."""
        if self.kind == "categories":
            return float(self.parameter.values.index(value))
        return self.unit(value) if self.kind == "logit" else float(value)

    def unit(self, value: Value) -> float:
        """Return the position of a legal value in its range, from 0 to 1."""
        return self.parameter.encode(value)

    def text(self, value: Value | None) -> str:
        """Return a value as people read it."""
        return formats.number(value) if not isinstance(value, str | bool) else str(value)

    def ends(self) -> tuple[str, str]:
        """Return the first and the last value as text."""
        if self.parameter.is_categorical:
            return str(self.parameter.values[0]), str(self.parameter.values[-1])
        return self.text(_plain(self.parameter.min)), self.text(_plain(self.parameter.max))

    def axis(self) -> dict[str, Any]:
        """Return the properties of a Plotly axis."""
        low, high = self.parameter.min, self.parameter.max
        if self.kind == "categories":
            labels = [escaped(formats.shortened(str(value), MOST_LABELS)) for value in self.parameter.values]
            places = list(range(len(labels)))
            return {"tickvals": places, "ticktext": labels, "range": [-0.5, len(labels) - 0.5]}
        if self.kind == "log":
            return {"type": "log", "range": _widened(math.log10(low), math.log10(high)), **self._log_ticks()}
        if self.kind == "logit":
            shown = _spaced([(self.unit(tick), tick) for tick in LOGIT_TICKS if low <= tick <= high])
            ticks = [f"{tick:g}" for _, tick in shown]
            return {"tickvals": [place for place, _ in shown], "ticktext": ticks, "range": _widened(0.0, 1.0)}
        return {"range": _widened(low, high)}

    def _log_ticks(self) -> dict[str, Any]:
        """Return powers of two for `uniform_pow2`, else powers of ten. Within few decades Plotly finds better ones."""
        low, high = math.log10(self.parameter.min), math.log10(self.parameter.max)
        if self.parameter.cells:
            powers = [
                self.parameter.decode((cell + 0.5) / self.parameter.cells) for cell in range(self.parameter.cells)
            ]
            shown = powers[:: math.ceil(len(powers) / MOST_TICKS)]
            return {"tickvals": shown, "ticktext": [self.text(power) for power in shown]}
        if high - low < FEW_DECADES:
            return {"nticks": 5}
        return {"dtick": math.ceil((high - low) / MOST_TICKS), "exponentformat": "power", "tickangle": 0}


def _widened(low: float, high: float) -> list[float]:
    margin = (high - low) * MARGIN or 0.5
    return [low - margin, high + margin]


def _spaced(ticks: list[tuple[float, float]]) -> list[tuple[float, float]]:
    shown: list[tuple[float, float]] = []
    for tick in ticks:
        if not shown or tick[0] - shown[-1][0] >= APART:
            shown.append(tick)
    return shown


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() and abs(value) < 1e6 else value
