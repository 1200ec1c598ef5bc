"""The section of learning curves."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.run import Run
from sweepctl import formats
from sweepctl.report.drawing import OTHER, STEPS, STOPPED, Chart, dots, hover_text, layout, line
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry, Section, TextTable
from sweepctl.report.sections.run_marks import FIFTHS_LEGEND, STOPPED_ENTRY

MOST_ROWS = 20


def curves_section(material: Material) -> Section:
    """Return the metric that runs reported during their training."""
    title = "Learning curves"
    worst_first = _shown(material)
    if not worst_first:
        dropped = material.sweep.log_dropped
        why = "they were deleted with the log when its retention ended" if dropped else "no run reported one"
        return Section("curves", title, [f"No curves: {why}."])
    started = sum(bool(run.attempt) for run in material.runs)
    text = [f"The curves of {len(worst_first)} of {started} runs. The store keeps at most 64 points of a curve."]
    stopped = [run for run in worst_first if run.early_stop]
    legend = [*FIFTHS_LEGEND, LegendEntry(OTHER, "line", "no score"), *([STOPPED_ENTRY] if stopped else [])]
    chart = _chart(material, worst_first, stopped)
    return Section("curves", title, text, legend=legend, charts=[chart], tables=[_table(material, worst_first)])


def _shown(material: Material) -> list[Run]:
    """Return the runs with a curve, the best last: a later line is drawn over an earlier one."""
    by_number = {run.number: run for run in material.runs}
    drawn = [by_number[number] for number, progress in material.curves.items() if len(progress.curve) > 1]
    return sorted(drawn, key=lambda run: material.fifths.get(run.number, -1))


def _chart(material: Material, worst_first: Sequence[Run], stopped: Sequence[Run]) -> Chart:
    data = []
    for run in worst_first:
        x, y = zip(*material.curves[run.number].curve, strict=True)
        color = STEPS[material.fifths[run.number]] if run.number in material.fifths else OTHER
        data.append(line(x, y, color=color, width=1.5, text=_text(run)))
    if stopped:
        x, y = zip(*(material.curves[run.number].curve[-1] for run in stopped), strict=True)
        data.append(dots(x, y, text=[_text(run) for run in stopped], color=STOPPED, symbol="diamond", size=8))
    alt = f"{material.metric} as reported, over steps, of {formats.count(len(worst_first), 'run')}, coloured by score."
    figure = layout("steps", material.metric)
    return Chart("curves", f"{material.metric} over steps", alt, data, figure, 380, wide=True)


def _table(material: Material, worst_first: Sequence[Run]) -> TextTable:
    rows = []
    for run in reversed(worst_first[-MOST_ROWS:]):
        step, value = material.curves[run.number].curve[-1]
        rows.append([f"r.{run.number}", run.state.value, str(step), formats.number(value), formats.number(run.score)])
    return TextTable("Last points of the best curves", ["run", "state", "step", "last report", "score"], rows)


def _text(run: Run) -> str:
    how = ", stopped early" if run.early_stop else ""
    return hover_text(f"r.{run.number}, {run.state.value}{how}", f"score {formats.number(run.score)}")
