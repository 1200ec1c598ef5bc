"""The charts with a row for each parameter: configurations as lines, and where runs failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweepctl.report.drawing import FAILED, MUTED, OTHER, STEPS, Chart, Trace, dots, layout, lines_of, safe
from sweepctl.report.findings import Point, best_points, failures_by_message, fifths, thinned
from sweepctl.report.parameters import (
    MOST_SLICES,
    failed_runs,
    failure_text,
    most_important_first,
    names_of,
    scales_of,
)
from sweepctl.report.section import Mark, Section, Table
from sweepctl.views import formats

if TYPE_CHECKING:
    from sweepctl.report.collect import Material

MOST_LINES = 150
MOST_FAILURES = 300
MOST_MESSAGES = 20
MOST_CATEGORIES = 4  # that are named below a row
LONGEST_MESSAGE = 240


def together_section(material: Material, points: Sequence[Point]) -> Section:
    """Return all parameters of each run as one line: parallel coordinates, from top to bottom."""
    title = "Configurations as lines"
    if not points:
        return Section("together", title, ["Nothing is drawn before a run has a score."])
    goal = material.sweep.goal
    shown = thinned(points, MOST_LINES, keep=best_points(points, goal=goal)[: MOST_LINES // 2])
    rank = fifths(points, goal=goal)
    paths = [path for path in most_important_first(material) if not scales_of(material)[path].parameter.is_constant]
    paths = paths[:MOST_SLICES]
    data = [
        _bundle(material, [p for p in shown if rank[p.run] == fifth], points, paths, color)
        for fifth, color in enumerate(STEPS)
        if any(rank[p.run] == fifth for p in shown)
    ]
    names = names_of(material)
    rows = [*(names[path] for path in paths), "score"]
    yaxis = {
        "tickvals": list(range(len(rows))),
        "ticktext": rows,
        "range": [len(rows) - 0.4, -0.6],
        "showgrid": True,
        "nticks": 0,
    }
    figure = layout("", "", xaxis={"visible": False, "range": [-0.05, 1.05]}, yaxis=yaxis)
    figure["annotations"] = [note for row, path in enumerate(paths) for note in _row_labels(material, row, path)]
    scores = [point.score for point in points]
    figure["annotations"] += _ends(len(paths), formats.number(min(scores)), formats.number(max(scores)))
    alt = (
        f"Parallel coordinates of {len(shown)} runs: a line for each, from its parameters at the top "
        "to its score at the bottom, coloured by score."
    )
    text = ["A line is a run: each row shows where it stands between the least and the greatest value of a parameter."]
    if material.space.is_conditional:
        text.append("A line that passes a row without a dot: the parameter is inactive there.")
    if len(shown) < len(points):
        text.append(f"Drawn are {len(shown)} of {len(points)} runs, the best {MOST_LINES // 2} among them.")
    chart = Chart(
        "together", f"{formats.count(len(shown), 'run')} as lines", alt, data, figure, 70 + 44 * len(rows), wide=True
    )
    return Section("together", title, text, legend=FIFTHS, charts=[chart])


FIFTHS = (
    Mark(STEPS[4], "line", "the best fifth of the scores"),
    Mark(STEPS[3], "line", "the second"),
    Mark(STEPS[2], "line", "the third"),
    Mark(STEPS[1], "line", "the fourth"),
    Mark(STEPS[0], "line", "the worst"),
)


def _bundle(
    material: Material, group: Sequence[Point], points: Sequence[Point], paths: Sequence[str], color: str
) -> Trace:
    scales = scales_of(material)
    low, high = min(point.score for point in points), max(point.score for point in points)
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for point in group:
        told = lines_of(f"r.{point.run}", f"score {formats.number(point.score)}")
        for row, path in enumerate(paths):
            if path in point.params:
                x.append(round(scales[path].unit(point.params[path]), 4))
                y.append(row)
                text.append(told)
        x.append(round((point.score - low) / (high - low), 4) if high > low else 0.5)
        y.append(len(paths))
        text.append(told)
        x.append(None)
        y.append(None)
        text.append("")
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "text": text,
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": color, "width": 1.2},
        "marker": {"color": color, "size": 4},
        "opacity": 0.75,
    }


def _row_labels(material: Material, row: int, path: str) -> list[Trace]:
    """What stands below a row: both ends of its range, or its categories where they are."""
    scale = scales_of(material)[path]
    values = scale.parameter.values
    if not values:
        return _ends(row, *scale.ends())
    if len(values) > MOST_CATEGORIES:
        return _ends(row, f"{len(values)} categories", "")
    return [_label(row, scale.unit(value), formats.shortened(str(value), 12), "center") for value in values]


def _ends(row: int, low: str, high: str) -> list[Trace]:
    return [_label(row, 0.0, low, "left"), *([_label(row, 1.0, high, "right")] * bool(high))]


def _label(row: int, place: float, text: str, anchor: str) -> Trace:
    font = {"size": 10, "color": MUTED}
    return {
        "x": place,
        "y": row,
        "text": safe(text),
        "xanchor": anchor,
        "yshift": -13,
        "showarrow": False,
        "font": font,
    }


def failures_section(material: Material) -> Section:
    """Return why runs failed, and where in the space."""
    title, groups = "Failures", failures_by_message(material.runs)
    over = sum(run.is_finished for run in material.runs)
    if not groups:
        return Section("failures", title, ["No run has failed." if over else "No run has ended yet."])
    count = sum(len(group.runs) for group in groups)
    rows = [
        [
            formats.shortened(group.message, LONGEST_MESSAGE),
            group.kind,
            str(len(group.runs)),
            ", ".join(f"r.{number}" for number in group.runs[:5]) + (", …" if len(group.runs) > 5 else ""),
        ]
        for group in groups[:MOST_MESSAGES]
    ]
    more = f", the most frequent {MOST_MESSAGES} of {len(groups)} messages" if len(groups) > MOST_MESSAGES else ""
    table = Table(f"Failures by message{more}", ["message", "kind", "runs", "which"], rows, is_open=True)
    text = [f"{count} of {over} runs that are over failed."]
    legend = [Mark(FAILED, "cross", "failed"), Mark(OTHER, "dot", "scored")]
    return Section("failures", title, text, legend=legend, charts=[_where(material)], tables=[table])


def _where(material: Material) -> Chart:
    """Where failed runs stand among the others, parameter by parameter."""
    failed = thinned(failed_runs(material.runs), MOST_FAILURES)
    scored = thinned([run for run in material.runs if run.score is not None], MOST_FAILURES)
    paths = [path for path in most_important_first(material) if not scales_of(material)[path].parameter.is_constant]
    paths = paths[:MOST_SLICES]
    scales, names = scales_of(material), names_of(material)
    data = []
    for group, color, symbol, shift in ((scored, OTHER, "line-ns-open", 0.0), (failed, FAILED, "x-thin-open", -0.24)):
        x, y, text = [], [], []
        for run in group:
            for row, path in enumerate(paths):
                if path in run.params:
                    x.append(round(scales[path].unit(run.params[path]), 4))
                    y.append(row + shift)
                    text.append(failure_text(run))
        trace = dots(x, y, text=text, color=color, symbol=symbol)
        trace["marker"]["line"] = {"width": 1.5, "color": color}
        data.append(trace)
    rows = list(range(len(paths)))
    ticks = [names[path] for path in paths]
    yaxis = {"tickvals": rows, "ticktext": ticks, "range": [len(rows) - 0.4, -0.6], "nticks": 0}
    figure = layout("", "", xaxis={"visible": False, "range": [-0.05, 1.05]}, yaxis=yaxis)
    figure["annotations"] = [note for row, path in enumerate(paths) for note in _row_labels(material, row, path)]
    alt = (
        f"Where {len(failed)} failed runs stand in the range of each parameter, beside {len(scored)} runs with a score."
    )
    return Chart("failures", "Where runs failed", alt, data, figure, 60 + 44 * len(paths), wide=True)
