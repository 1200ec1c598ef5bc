"""The parameters in charts: their order, their names, and charts with a row for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain.run import Params
from sweepctl import formats
from sweepctl.report.drawing import MUTED, Chart, Trace, escaped, layout, row_axis
from sweepctl.report.material import Material
from sweepctl.report.scales import Scale

MOST_PARAMETERS = 24
MOST_CATEGORIES = 4
"""Categories that have a label below their row."""
LONGEST_NAME = 22
LONGEST_CATEGORY = 12
WHOLE_RANGE = {"visible": False, "range": [-0.05, 1.05]}


@dataclass(frozen=True)
class DrawnParameter:
    """A parameter in a chart: its path, its short name, and its scale."""

    path: str
    name: str
    scale: Scale

    def labels(self, row: int) -> list[Trace]:
        """Return the labels below its row: both ends of its range, or its categories if they are few."""
        values = self.scale.parameter.values
        if not values:
            return end_labels(row, *self.scale.ends())
        if len(values) > MOST_CATEGORIES:
            return end_labels(row, f"{len(values)} categories", "")
        return [
            _label(row, self.scale.unit(value), formats.shortened(str(value), LONGEST_CATEGORY), "center")
            for value in values
        ]


def drawn_parameters(material: Material) -> list[DrawnParameter]:
    """Return all parameters: the most important first where that is known, else in the order of the config."""
    names = formats.short_names(material.space.paths)
    indices = material.importance.indices
    drawn = [
        DrawnParameter(one.path, formats.shortened(names[one.path], LONGEST_NAME), Scale(one))
        for one in material.space.parameters
    ]
    return sorted(drawn, key=lambda one: -indices.get(one.path, 0.0))


def parameter_rows(material: Material) -> list[DrawnParameter]:
    """Return the parameters that have a row: the first of those that vary."""
    varying = [one for one in drawn_parameters(material) if not one.scale.parameter.is_constant]
    return varying[:MOST_PARAMETERS]


def row_points(rows: Sequence[DrawnParameter], params: Params) -> Iterator[tuple[float, int]]:
    """Yield the position in its range, from 0 to 1, and the row of each active parameter of a run."""
    for row, parameter in enumerate(rows):
        if parameter.path in params:
            yield round(parameter.scale.unit(params[parameter.path]), 4), row


def row_chart(
    key: str,
    title: str,
    alt: str,
    data: Sequence[Trace],
    rows: Sequence[DrawnParameter],
    *,
    last: tuple[str, str, str] | None = None,
) -> Chart:
    """Return a chart with a row for each parameter, and one more for `last`: its name and the ends of its range."""
    names = [*(row.name for row in rows), *(last[:1] if last else ())]
    labels = [label for row, parameter in enumerate(rows) for label in parameter.labels(row)]
    if last:
        labels += end_labels(len(rows), *last[1:])
    figure = {**layout("", "", xaxis=WHOLE_RANGE, yaxis=row_axis(names)), "annotations": labels}
    return Chart(key, title, alt, data, figure, 70 + 44 * len(names), wide=True)


def end_labels(row: int, low: str, high: str) -> list[Trace]:
    """Return the labels of the ends of a row; an empty `high` has none."""
    return [_label(row, 0.0, low, "left"), *([_label(row, 1.0, high, "right")] * bool(high))]


def _label(row: int, place: float, text: str, anchor: str) -> Trace:
    return {
        "x": place,
        "y": row,
        "text": escaped(text),
        "xanchor": anchor,
        "yshift": -13,
        "showarrow": False,
        "font": {"size": 10, "color": MUTED},
    }
