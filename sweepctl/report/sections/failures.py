"""The section of failed runs."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.run import Run
from sweepctl import formats
from sweepctl.report.analysis import FailureGroup, failures_by_message, thinned
from sweepctl.report.drawing import FAILED, OTHER, Chart, Trace, dots
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry, Section, TextTable
from sweepctl.report.sections.parameter_rows import DrawnParameter, parameter_rows, row_chart, row_points
from sweepctl.report.sections.run_marks import run_text

MOST_RUNS = 300
MOST_MESSAGES = 20
MOST_EXAMPLES = 5
LONGEST_MESSAGE = 240
LEGEND = (LegendEntry(FAILED, "cross", "failed"), LegendEntry(OTHER, "dot", "run with a score"))


def failures_section(material: Material) -> Section:
    """Return why runs failed, and with which values of the parameters."""
    title, groups = "Failures", failures_by_message(material.runs)
    over = sum(run.is_finished for run in material.runs)
    if not groups:
        return Section("failures", title, ["No run has failed." if over else "No run has ended yet."])
    text = [f"{sum(len(group.runs) for group in groups)} of {over} finished runs failed."]
    return Section("failures", title, text, legend=LEGEND, charts=[_chart(material)], tables=[_table(groups)])


def _table(groups: Sequence[FailureGroup]) -> TextTable:
    rows = []
    for group in groups[:MOST_MESSAGES]:
        message = formats.shortened(group.message, LONGEST_MESSAGE)
        examples = [f"r.{number}" for number in group.runs[:MOST_EXAMPLES]]
        examples += ["…"] * (len(group.runs) > MOST_EXAMPLES)
        rows.append([message, group.kind, str(len(group.runs)), ", ".join(examples)])
    more = f" (the {MOST_MESSAGES} most frequent of {len(groups)})" if len(groups) > MOST_MESSAGES else ""
    return TextTable(f"Failures by message{more}", ["message", "kind", "runs", "which"], rows, is_open=True)


def _chart(material: Material) -> Chart:
    failed = thinned(material.failed, MOST_RUNS)
    scored = thinned([run for run in material.runs if run.score is not None], MOST_RUNS)
    rows = parameter_rows(material)
    data = [_trace(scored, rows, OTHER, "line-ns-open", 0.0), _trace(failed, rows, FAILED, "x-thin-open", -0.24)]
    alt = (
        f"The values of {formats.count(len(failed), 'failed run')} in the range of each parameter, "
        f"beside those of {formats.count(len(scored), 'run')} with a score."
    )
    return row_chart("failures", "Where runs failed", alt, data, rows)


def _trace(runs: Sequence[Run], rows: Sequence[DrawnParameter], color: str, symbol: str, shift: float) -> Trace:
    points = [(x, row, run_text(run)) for run in runs for x, row in row_points(rows, run.params)]
    x, y = [x for x, _, _ in points], [row + shift for _, row, _ in points]
    return dots(x, y, text=[text for _, _, text in points], color=color, symbol=symbol, stroke=1.5)
