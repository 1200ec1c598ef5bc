"""The section of the activity of the workers."""

from __future__ import annotations

from collections.abc import Sequence

from sweepctl import formats
from sweepctl.report.drawing import (
    CARD,
    EVALUATING,
    FAILED,
    HOVER,
    RUN,
    Chart,
    Trace,
    bars,
    hover_text,
    layout,
    row_axis,
)
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry, Section, TextTable
from sweepctl.report.timeline import SAME_BAR, Span, Timeline, Usage, lanes_of, merged, usage_of
from sweepctl.report.units import Unit, time_unit

MOST_LANES = 40
MANY_SPANS = 600
LONGEST_WORKER = 22
LEGEND = (
    LegendEntry(RUN, "bar", "training"),
    LegendEntry(EVALUATING, "bar", "evaluation"),
    LegendEntry(FAILED, "bar", "lost, released or cancelled"),
)


def workers_section(material: Material) -> Section:
    """Return which worker worked when, and how much of its time."""
    title, timeline = "Worker activity", material.timeline
    if not timeline.spans:
        why = "the log was deleted when its retention ended" if material.sweep.log_dropped else "no run was claimed yet"
        return Section("workers", title, [f"No chart: {why}."])
    usage = usage_of(timeline)
    lanes = [(worker, lane) for worker, slots in lanes_of(timeline.spans).items() for lane in slots]
    gap = SAME_BAR * timeline.until if len(timeline.spans) > MANY_SPANS else 0.0
    attempts, workers = formats.count(len(timeline.spans), "attempt"), formats.count(len(usage), "worker")
    summary = f"{attempts} by {workers} in {formats.duration(timeline.until)}."
    text = [f"{summary} {_share(usage)}"]
    if gap:
        text.append("Attempts with a short gap between them are drawn as one bar.")
    if len(lanes) > MOST_LANES:
        text.append(f"The chart shows {MOST_LANES} of {len(lanes)} slots.")
    shown = [(worker, merged(lane, gap)) for worker, lane in lanes[:MOST_LANES]]
    chart = _chart(timeline, shown, summary)
    return Section("workers", title, text, legend=LEGEND, charts=[chart], tables=[_table(usage)])


def _share(usage: Sequence[Usage]) -> str:
    share = sum(one.busy_seconds for one in usage) / (sum(one.room_seconds for one in usage) or 1.0)
    return f"Since their first run the slots of the workers were busy {100 * share:.0f} % of the time."


def _table(usage: Sequence[Usage]) -> TextTable:
    rows = [
        [one.worker, str(one.places), str(one.attempts), formats.duration(one.busy_seconds), f"{100 * one.share:.0f} %"]
        for one in usage[:MOST_LANES]
    ]
    return TextTable("By worker", ["worker", "slots used", "attempts", "busy", "share of the time"], rows)


def _chart(timeline: Timeline, lanes: Sequence[tuple[str, Sequence[Span]]], alt: str) -> Chart:
    unit = time_unit(timeline.until)
    names = [formats.shortened(worker, LONGEST_WORKER) for worker, _ in lanes]
    title, xaxis = f"time since the start ({unit.name})", {"range": [0, unit.of(timeline.until)]}
    figure = {**layout(title, "", xaxis=xaxis, yaxis=row_axis(names)), "barmode": "overlay", "bargap": 0.3}
    data = _bars([lane for _, lane in lanes], unit)
    return Chart("workers", "Attempts by worker", alt, data, figure, 90 + 30 * len(lanes), wide=True)


def _bars(lanes: Sequence[Sequence[Span]], unit: Unit) -> list[Trace]:
    groups: dict[str, list[tuple[int, Span]]] = {}
    for row, lane in enumerate(lanes):
        for span in lane:
            groups.setdefault(_color(span), []).append((row, span))
    return [
        {
            **bars(
                [unit.of(span.end - span.start) for _, span in group],
                [row for row, _ in group],
                text=[_text(span) for _, span in group],
                color=color,
            ),
            "base": [unit.of(span.start) for _, span in group],
            "textposition": "none",
            "hovertemplate": HOVER,
            "marker": {"color": color, "line": {"width": 0.5, "color": CARD}},
        }
        for color, group in groups.items()
    ]


def _color(span: Span) -> str:
    if span.is_wasted:
        return FAILED
    return EVALUATING if span.phase == "evaluating" else RUN


def _text(span: Span) -> str:
    took = formats.duration(span.end - span.start)
    if span.runs > 1:
        return hover_text(span.worker, f"{span.phase}, {span.runs} attempts within {took}")
    return hover_text(span.worker, f"r.{span.run}, {span.phase}, attempt {span.attempt}", f"{span.ended} after {took}")
