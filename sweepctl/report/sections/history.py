"""The section of the score over runs, over time, and over what was spent."""

from __future__ import annotations

from collections.abc import Sequence

from sweepctl import formats
from sweepctl.report.analysis import ScoredRun, thinned
from sweepctl.report.drawing import BEST, Chart, layout, line
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry, Section, TextTable
from sweepctl.report.sections.run_marks import NO_SCORE, RUN_LEGEND, run_mark, run_traces, score_title, some_of
from sweepctl.report.units import time_unit

MOST_POINTS = 1000
MOST_ROWS = 20


def history_section(material: Material) -> Section:
    """Return the scores of runs and the best score so far."""
    title, runs = "Score over time", material.scored
    if not runs:
        return Section("history", title, [NO_SCORE])
    leading = [run for run in runs if run.leads]
    shown = thinned(runs, MOST_POINTS, keep=leading)
    times = [run.seconds for run in runs if run.seconds is not None]
    unit = material.cost_unit(runs[-1].spent)
    charts = [_chart(material, shown, "runs", "runs that have ended", [float(run.order) for run in runs])]
    text = [_progress(material, leading[-1])]
    if len(times) == len(runs):
        clock = time_unit(max(times))
        axis = f"time since the start ({clock.name})"
        charts.append(_chart(material, shown, "time", axis, [clock.of(seconds) for seconds in times]))
    else:
        text.append("No chart over time: the log of this sweep was deleted when its retention ended.")
    axis = f"cost of all runs so far ({unit.name})"
    charts.append(_chart(material, shown, "cost", axis, [unit.of(run.spent) for run in runs]))
    text += some_of(shown, runs, "every run that improved the best score")
    legend = [*RUN_LEGEND, LegendEntry(BEST, "line", "best so far")]
    return Section("history", title, text, legend=legend, charts=charts, tables=[_table(material, leading)])


def _progress(material: Material, best: ScoredRun) -> str:
    later = material.scored[-1].order - best.order
    since = f"{formats.count(later, 'later run')} did not improve it" if later else "no run has ended since then"
    best_score = f"Run {best.run} has the best score, {formats.number(best.best)}; {since}."
    return f"{best_score} {material.better.capitalize()} is better."


def _chart(material: Material, shown: Sequence[ScoredRun], key: str, title: str, places: Sequence[float]) -> Chart:
    runs = material.scored
    place = {run.run: at for run, at in zip(runs, places, strict=True)}
    leading = [run for run in runs if run.leads]
    x, y = [place[run.run] for run in leading], [run.best for run in leading]
    best = line([*x, places[-1]], [*y, y[-1]], color=BEST, shape="hv")
    marks = [run_mark(material, run, place[run.run]) for run in shown]
    alt = (
        f"Score of {formats.count(len(runs), 'run')} over {title}, and the best score so far, "
        f"from {formats.number(y[0])} to {formats.number(y[-1])}."
    )
    data = [*run_traces(marks), best]
    return Chart(f"history-{key}", f"Score over {key}", alt, data, layout(title, score_title(material)))


def _table(material: Material, leading: Sequence[ScoredRun]) -> TextTable:
    unit = material.cost_unit()
    rows = [
        [
            f"r.{run.run}",
            str(run.order),
            formats.duration(run.seconds),
            unit.text(run.spent),
            formats.number(run.score),
        ]
        for run in leading[-MOST_ROWS:]
    ]
    return TextTable("Runs that improved the best score", ["run", "runs ended", "time", "spent", "score"], rows)
