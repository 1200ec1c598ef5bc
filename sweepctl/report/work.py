"""The sections that say how the work went: learning curves, predictions, workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.domain.run import Run
from sweepctl.report.drawing import (
    FAILED,
    MUTED,
    OTHER,
    RUN,
    STEPS,
    STOPPED,
    Chart,
    Trace,
    dots,
    layout,
    line,
    lines_of,
    safe,
)
from sweepctl.report.findings import (
    BAND,
    Calibration,
    Point,
    Predicted,
    calibration_of,
    fifths,
    spans_decades,
    thinned,
)
from sweepctl.report.outcome import cost_unit
from sweepctl.report.rows import FIFTHS
from sweepctl.report.section import Mark, Section, Table
from sweepctl.report.timeline import SAME_BAR, Span, lanes_of, merged, usage_of
from sweepctl.report.units import Unit, time_unit
from sweepctl.views import formats

if TYPE_CHECKING:
    from sweepctl.report.collect import Material

MOST_PREDICTIONS = 400
MOST_LANES = 40
MANY_SPANS = 600
LONGEST_WORKER = 22
EVALUATING = "@evaluating"


def curves_section(material: Material, points: Sequence[Point]) -> Section:
    """Return what runs reported while they were trained."""
    title = "Learning curves"
    metric = str(material.sweep.config["sweep"]["metric"])
    runs = {run.number: run for run in material.runs}
    shown = {number: told for number, told in material.curves.items() if len(told.curve) > 1}
    if not shown:
        why = (
            "they were dropped with the log after its retention" if material.sweep.log_dropped else "none was reported"
        )
        return Section("curves", title, [f"No curves: {why}."])
    rank = fifths(points, goal=material.sweep.goal)
    worst_first = sorted(shown, key=lambda number: rank.get(number, -1))  # what is drawn later lies on top
    data = []
    for number in worst_first:
        x, y = zip(*shown[number].curve, strict=True)
        trace = line(x, y, color=_curve_color(runs[number], rank), width=1.5)
        told = _curve_text(runs[number])
        data.append({**trace, "hoverinfo": "text", "text": told, "hovertemplate": f"{told}<extra></extra>"})
    stopped = [number for number in worst_first if runs[number].early_stop]
    if stopped:
        ends = [shown[number].curve[-1] for number in stopped]
        text = [_curve_text(runs[number]) for number in stopped]
        x, y = zip(*ends, strict=True)
        data.append(dots(x, y, text=text, color=STOPPED, symbol="diamond", size=8))
    started = sum(bool(run.attempt) for run in material.runs)
    text = [f"The curves of {len(shown)} of {started} runs, each thinned to at most 64 points as the store keeps it."]
    alt = f"{metric} as reported, over steps, of {len(shown)} runs, coloured by their score."
    legend = [
        *FIFTHS,
        Mark(OTHER, "line", "without a score"),
        *([Mark(STOPPED, "diamond", "stopped early")] * bool(stopped)),
    ]
    chart = Chart("curves", f"{metric} over steps", alt, data, layout("steps", safe(metric)), 380, wide=True)
    rows = [
        [
            f"r.{number}",
            runs[number].state.value,
            str(shown[number].curve[-1][0]),
            formats.number(shown[number].curve[-1][1]),
            formats.number(runs[number].score),
        ]
        for number in reversed(worst_first[-20:])
    ]
    table = Table("The ends of the best curves", ["run", "state", "step", "last report", "score"], rows)
    return Section("curves", title, text, legend=legend, charts=[chart], tables=[table])


def _curve_color(run: Run, rank: dict[int, int]) -> str:
    return STEPS[rank[run.number]] if run.number in rank else OTHER


def _curve_text(run: Run) -> str:
    how = ", stopped early" if run.early_stop else ""
    return lines_of(f"r.{run.number}, {run.state.value}{how}", f"score {formats.number(run.score)}")


def predictions_section(material: Material) -> Section:
    """Return what was predicted of runs against what came of them."""
    title = "Predictions against outcomes"
    noise = material.sweep.memory.get("noise")
    found = calibration_of(material.runs, noise=noise[0] if noise else None)
    if not found.scores and not found.costs:
        why = "the first runs fill the space, and other methods than Protein predict nothing"
        return Section("predictions", title, [f"No run with a score was suggested with a prediction: {why}."])
    charts = []
    if found.scores:
        charts.append(_against("predicted-score", "score", found.scores, Unit("", 1.0, is_time=False)))
    if found.costs:
        charts.append(
            _against("predicted-cost", "cost", found.costs, cost_unit(material, max(c.actual for c in found.costs)))
        )
    legend = [
        Mark(RUN, "dot", "a run"),
        Mark(MUTED, "line", "as predicted"),
        Mark(OTHER, "line", f"{BAND:g} standard deviations"),
    ]
    return Section("predictions", title, _told(found, noise=bool(noise)), legend=legend, charts=charts)


def _told(found: Calibration, *, noise: bool) -> list[str]:
    text = []
    if found.judged:
        share = 100 * found.inside / found.judged
        what = "with the noise between seeds" if noise else "of the value without noise, which is not known yet"
        text.append(
            f"{found.inside} of {found.judged} scores ({share:.0f} %) lie within {BAND:g} standard deviations "
            f"of their prediction, {what}; about 95 % should."
        )
    if found.cost_ratio is not None:
        text.append(f"The median run cost {found.cost_ratio:.2f} times what was predicted.")
    return [*text, "Runs that were stopped early are left out: they ended as other runs than were predicted."]


def _against(key: str, what: str, told: Sequence[Predicted], unit: Unit) -> Chart:
    shown = thinned(told, MOST_PREDICTIONS)
    x, y = [unit.of(one.predicted) for one in shown], [unit.of(one.actual) for one in shown]
    text = [
        lines_of(
            f"r.{one.run}",
            f"predicted {unit.text(one.predicted)}{f' ± {formats.number(one.spread)}' if one.spread else ''}",
            f"was {unit.text(one.actual)}",
        )
        for one in shown
    ]
    trace = dots(x, y, text=text, color=RUN)
    if any(one.spread for one in shown):
        spreads = [BAND * (one.spread or 0.0) for one in shown]
        trace["error_x"] = {"type": "data", "array": spreads, "color": OTHER, "thickness": 1, "width": 0}
    both = [*x, *y]
    low, high = min(both), max(both)
    diagonal = line([low, high], [low, high], color=MUTED, width=1)
    axis = {"type": "log", "nticks": 6} if what == "cost" and spans_decades(both, decades=1.3) else {}
    suffix = f" ({unit.name})" if unit.name else ""
    figure = layout(f"predicted {what}{suffix}", f"{what}{suffix}", xaxis=axis, yaxis=axis)
    alt = f"Predicted {what} against {what} of {len(shown)} runs, with the line where both are equal."
    return Chart(key, f"Predicted {what} against {what}", alt, [trace, diagonal], figure, 340)


def workers_section(material: Material) -> Section:
    """Return who worked on what, and how much of the time."""
    title = "Work of the workers"
    told = material.timeline
    if not told.spans:
        why = "its log was dropped after the retention" if material.sweep.log_dropped else "no run was claimed yet"
        return Section("workers", title, [f"Nothing to show: {why}."])
    used = usage_of(told)
    unit = time_unit(told.until)
    lanes = [(worker, lane) for worker, places in lanes_of(told.spans).items() for lane in places]
    shown = lanes[:MOST_LANES]
    gap = SAME_BAR * told.until if len(told.spans) > MANY_SPANS else 0.0
    data = _bars([(row, merged(lane, gap)) for row, (_, lane) in enumerate(shown)], unit)
    names = [safe(formats.shortened(worker, LONGEST_WORKER)) for worker, _ in shown]
    yaxis = {"tickvals": list(range(len(names))), "ticktext": names, "range": [len(names) - 0.4, -0.6], "nticks": 0}
    figure = layout(f"time since the start ({unit.name})", "", yaxis=yaxis, xaxis={"range": [0, unit.of(told.until)]})
    figure |= {"barmode": "overlay", "bargap": 0.3}
    mean = sum(one.busy_seconds for one in used) / (sum(one.room_seconds for one in used) or 1.0)
    done = f"{formats.count(len(told.spans), 'attempt')} of {formats.count(len(used), 'worker')}"
    alt = f"{done} over {formats.duration(told.until)}."
    chart = Chart("workers", "Attempts by worker", alt, data, figure, 90 + 30 * len(shown), wide=True)
    rows = [
        [one.worker, str(one.places), str(one.attempts), formats.duration(one.busy_seconds), f"{100 * one.share:.0f} %"]
        for one in used[:MOST_LANES]
    ]
    text = [f"{alt} The places of workers were in use for {100 * mean:.0f} % of the time since their first run."]
    if gap:
        text.append("There are many: neighbours are drawn as one bar.")
    if len(lanes) > MOST_LANES:
        text.append(f"Drawn are {MOST_LANES} of {len(lanes)} places.")
    table = Table("By worker", ["worker", "places used", "attempts", "busy", "share of the time"], rows)
    legend = [
        Mark(RUN, "bar", "training"),
        Mark(EVALUATING, "bar", "evaluation"),
        Mark(FAILED, "bar", "lost, given back, or cancelled"),
    ]
    return Section("workers", title, text, legend=legend, charts=[chart], tables=[table])


def _bars(lanes: Sequence[tuple[int, Sequence[Span]]], unit: Unit) -> list[Trace]:
    groups: dict[str, list[tuple[int, Span]]] = {}
    for row, lane in lanes:
        for span in lane:
            color = FAILED if span.is_wasted else EVALUATING if span.phase == "evaluating" else RUN
            groups.setdefault(color, []).append((row, span))
    return [
        {
            "type": "bar",
            "orientation": "h",
            "y": [row for row, _ in bars],
            "base": [unit.of(span.start) for _, span in bars],
            "x": [unit.of(span.end - span.start) for _, span in bars],
            "text": [_span_text(span) for _, span in bars],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": color, "line": {"width": 0.5, "color": "@card"}},
        }
        for color, bars in groups.items()
    ]


def _span_text(span: Span) -> str:
    took = formats.duration(span.end - span.start)
    if span.runs > 1:
        return lines_of(span.worker, f"{span.phase}, {span.runs} attempts within {took}")
    return lines_of(span.worker, f"r.{span.run}, {span.phase}, attempt {span.attempt}", f"{span.ended} after {took}")
