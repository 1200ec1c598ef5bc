"""The section of predictions and outcomes."""

from __future__ import annotations

from collections.abc import Sequence

from sweepctl import formats
from sweepctl.report.analysis import BAND, Calibration, Predicted, spans_decades, thinned
from sweepctl.report.drawing import LOG_AXIS, MUTED, OTHER, RUN, Chart, dots, hover_text, layout, line
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry, Section
from sweepctl.report.units import Unit

MOST_PREDICTIONS = 400
NONE = "No run with a score has a prediction: only Protein makes predictions, and not for its first runs."
EXCLUDED = "Runs that were stopped early are excluded: the predictions were for their full length."
LEGEND = (
    LegendEntry(RUN, "dot", "run"),
    LegendEntry(MUTED, "line", "outcome equal to prediction"),
    LegendEntry(OTHER, "line", f"{BAND:g} standard deviations"),
)


def predictions_section(material: Material) -> Section:
    """Return the predictions about runs against their outcomes."""
    title, found = "Predictions against outcomes", material.calibration
    charts = []
    if found.scores:
        charts.append(_chart("predicted-score", "score", found.scores, Unit("", 1.0, is_time=False)))
    if found.costs:
        unit = material.cost_unit(max(one.actual for one in found.costs))
        charts.append(_chart("predicted-cost", "cost", found.costs, unit))
    if not charts:
        return Section("predictions", title, [NONE])
    text = [*_quality(found, is_noise_known=material.noise is not None), EXCLUDED]
    return Section("predictions", title, text, legend=LEGEND, charts=charts)


def _quality(found: Calibration, *, is_noise_known: bool) -> list[str]:
    text = []
    if found.judged:
        share = 100 * found.inside / found.judged
        noise = (
            "include the noise between seeds"
            if is_noise_known
            else "do not include the noise between seeds, which is not known yet"
        )
        text.append(
            f"{found.inside} of {found.judged} scores ({share:.0f} %) are within {BAND:g} standard deviations of their "
            f"prediction; about 95 % are expected. The standard deviations {noise}."
        )
    if found.cost_ratio is not None:
        text.append(f"The median ratio of cost to predicted cost is {found.cost_ratio:.2f}.")
    return text


def _chart(key: str, what: str, predictions: Sequence[Predicted], unit: Unit) -> Chart:
    shown = thinned(predictions, MOST_PREDICTIONS)
    x, y = [unit.of(one.predicted) for one in shown], [unit.of(one.actual) for one in shown]
    trace = dots(x, y, text=[_text(one, unit) for one in shown], color=RUN)
    if any(one.spread for one in shown):
        spreads = [BAND * (one.spread or 0.0) for one in shown]
        trace["error_x"] = {"type": "data", "array": spreads, "color": OTHER, "thickness": 1, "width": 0}
    ends = [min(*x, *y), max(*x, *y)]
    axis = LOG_AXIS if what == "cost" and spans_decades(ends, decades=1.3) else {}
    suffix = f" ({unit.name})" if unit.name else ""
    figure = layout(f"predicted {what}{suffix}", f"{what}{suffix}", xaxis=axis, yaxis=axis)
    title = f"Predicted {what} against {what}"
    alt = f"{title} of {formats.count(len(shown), 'run')}, and the line where both are equal."
    return Chart(key, title, alt, [trace, line(ends, ends, color=MUTED, width=1)], figure, 340)


def _text(one: Predicted, unit: Unit) -> str:
    spread = f" ± {formats.number(one.spread)}" if one.spread else ""
    return hover_text(f"r.{one.run}", f"predicted {unit.text(one.predicted)}{spread}", f"was {unit.text(one.actual)}")
