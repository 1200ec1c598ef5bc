"""The sections that say what came of a sweep: the best configuration, how it was found, score against cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.control.results import Standing, pareto_front
from sweepctl.report.drawing import BEST, RUN, STOPPED, Chart, Trace, dots, layout, line, lines_of
from sweepctl.report.findings import Point, spans_decades, thinned
from sweepctl.report.scales import Scale
from sweepctl.report.section import Fact, Mark, Section, Table
from sweepctl.report.units import Unit, time_unit
from sweepctl.views import formats

if TYPE_CHECKING:
    from sweepctl.report.collect import Material

MOST_POINTS = 1000
MOST_ROWS = 20
BOUNDS = (
    "The bounds are those of the mean over many seeds, with 95 % confidence; that the best of many is a lucky one is "
    "allowed for."
)
RUN_MARKS = (
    Mark(RUN, "dot", "a run"),
    Mark(STOPPED, "diamond", "stopped early"),
)


def best_section(material: Material) -> Section:
    """Return the best configuration: what it is worth, what it is, and the ones behind it."""
    sweep, found = material.sweep, material.standings
    if not found:
        why = "No run has a score yet." if material.runs else "No run has been suggested yet."
        return Section("best", "Best configuration", [why])
    first = found[0]
    one = first.configuration
    bounds = formats.interval(one) if one.low is not None else "not known"
    note = "" if one.low is not None else "too few runs were repeated or seen to know the noise"
    unit = cost_unit(material)
    facts = [
        Fact("score", formats.number(one.score), f"mean of {len(one.runs)} runs" if len(one.runs) > 1 else ""),
        Fact("95 % bounds", bounds, note),
        Fact("cost", unit.text(one.cost), unit.note),
        Fact("run", first.run.id, "stopped early" if first.run.early_stop else ""),
    ]
    text = [BOUNDS] if one.low is not None else []
    tables = [_parameters(material, first), _ranking(material)]
    return Section("best", "Best configuration", text, facts, tables=tables, code=f"sweepctl best {sweep.name} --yaml")


def _parameters(material: Material, first: Standing) -> Table:
    rows = []
    for parameter in material.space.parameters:
        scale = Scale(parameter)
        value = first.run.params.get(parameter.path)
        told = "inactive" if value is None else scale.text(value)
        if parameter.path in first.run.trained:
            told += f" (trained: {scale.text(first.run.trained[parameter.path])})"
        listed = ", ".join(str(value) for value in parameter.values)
        rows.append([parameter.path, told, listed or " to ".join(scale.ends())])
    return Table("Its parameters", ["parameter", "value", "searched"], rows, is_open=True)


def _ranking(material: Material) -> Table:
    unit = cost_unit(material)
    names = formats.short_names(material.space.paths)
    known = any(one.configuration.low is not None for one in material.standings)
    columns = ["run", "score", *(["95 %"] if known else []), "runs", "cost", *names.values()]
    rows = []
    for one in material.standings[:MOST_ROWS]:
        told = one.configuration
        bounds = [formats.interval(told)] if known else []
        facts = [one.run.id, formats.number(told.score), *bounds, str(len(told.runs)), unit.text(told.cost)]
        rows.append([*facts, *(formats.number(one.run.params.get(path)) for path in names)])
    count = len(material.standings)
    return Table(f"The best {min(count, MOST_ROWS)} of {formats.count(count, 'configuration')}", columns, rows)


def history_section(material: Material, points: Sequence[Point]) -> Section:
    """Return how the score came about: over runs, over time, and over what was spent."""
    if not points:
        return Section("history", "Score over time", ["Nothing is drawn before a run has a score."])
    leading = [point for point in points if point.leads]
    shown = thinned(points, MOST_POINTS, keep=leading)
    charts = [_history(material, shown, points, "runs", "runs that are over", [float(p.order) for p in points])]
    times = [point.seconds for point in points if point.seconds is not None]
    text = [_progress_sentence(material, points)]
    if len(times) == len(points):
        unit = time_unit(max(times))
        title = f"time since the start ({unit.name})"
        charts.append(_history(material, shown, points, "time", title, [unit.of(seconds) for seconds in times]))
    else:
        text.append("When runs ended is not known: the log of this sweep was dropped after its retention.")
    unit = cost_unit(material, max(point.spent for point in points))
    spent = [unit.of(point.spent) for point in points]
    charts.append(_history(material, shown, points, "cost", f"cost of all runs so far ({unit.name})", spent))
    if len(shown) < len(points):
        text.append(f"Drawn are {len(shown)} of {len(points)} runs, with all that led.")
    table = Table(
        "The runs that led",
        ["run", "runs over", "time", "spent", "score"],
        [
            [
                f"r.{p.run}",
                str(p.order),
                formats.duration(p.seconds),
                cost_unit(material).text(p.spent),
                formats.number(p.score),
            ]
            for p in leading[-MOST_ROWS:]
        ],
    )
    legend = [*RUN_MARKS, Mark(BEST, "line", "the best so far")]
    return Section("history", "Score over time", text, legend=legend, charts=charts, tables=[table])


def _progress_sentence(material: Material, points: Sequence[Point]) -> str:
    last = [point for point in points if point.leads][-1]
    later = points[-1].order - last.order
    better = "higher" if material.sweep.goal == "maximize" else "lower"
    since = f"{formats.count(later, 'run')} since then did no better" if later else "no run has ended since then"
    return (
        f"The best score, {formats.number(last.best)}, is that of run {last.run}; {since}. "
        f"{better.capitalize()} is better."
    )


def _history(
    material: Material, shown: Sequence[Point], points: Sequence[Point], key: str, title: str, places: Sequence[float]
) -> Chart:
    place = {point.run: at for point, at in zip(points, places, strict=True)}
    steps = [point for point in points if point.leads]
    last = points[-1]
    x, y = [place[p.run] for p in steps], [p.best for p in steps]
    best = line([*x, place[last.run]], [*y, last.best], color=BEST, shape="hv")
    data = [*marks(material, shown, [place[point.run] for point in shown], [point.score for point in shown]), best]
    alt = (
        f"Score of {formats.count(len(points), 'run')} over {title}, with the best so far: "
        f"from {formats.number(steps[0].best)} to {formats.number(last.best)}."
    )
    return Chart(f"history-{key}", f"Score over {key}", alt, data, layout(title, score_title(material)))


def front_section(material: Material) -> Section:
    """Return score against cost, with the configurations that no other one beats."""
    found = material.standings
    if not found:
        return Section("front", "Score against cost", ["Nothing is drawn before a run has a score."])
    front = pareto_front(found, goal=material.sweep.goal)
    chosen = {one.run.id for one in front}
    others = thinned([one for one in found if one.run.id not in chosen], MOST_POINTS)
    unit = cost_unit(material, max(one.cost for one in found))
    costs = [unit.of(one.cost) for one in found]
    xaxis = {"type": "log", "nticks": 6} if spans_decades(costs, decades=1.3) else {}
    data: list[Trace] = []
    for color, symbol, group in (
        (RUN, "circle", [one for one in others if not one.run.early_stop]),
        (STOPPED, "diamond", [one for one in others if one.run.early_stop]),
        (BEST, "circle", front),
    ):
        text = [_standing_text(material, one) for one in group]
        x, y = [unit.of(one.cost) for one in group], [one.score for one in group]
        if group:
            data.append(dots(x, y, text=text, color=color, symbol=symbol, size=9 if color == BEST else 7))
    steps = line([unit.of(one.cost) for one in front], [one.score for one in front], color=BEST, width=1.5, shape="hv")
    title = f"cost of a run ({unit.name})"
    alt = f"Score against cost of {formats.count(len(found), 'configuration')}; on the Pareto front: {len(front)}."
    chart = Chart(
        "front", alt[:-1], alt, [steps, *data], layout(title, score_title(material), xaxis=xaxis), 360, wide=True
    )
    rows = [[one.run.id, formats.number(one.score), cost_unit(material).text(one.cost)] for one in front]
    tables = [Table(f"The Pareto front ({len(front)})", ["run", "score", "cost"], thinned(rows, MOST_ROWS))]
    text = ["On the Pareto front are the configurations that no other one beats on score and cost together."]
    legend = [Mark(BEST, "dot", "on the Pareto front"), *RUN_MARKS]
    return Section("front", "Score against cost", text, legend=legend, charts=[chart], tables=tables)


def marks(material: Material, shown: Sequence[Point], x: Sequence[float], y: Sequence[float]) -> list[Trace]:
    """Return the marks of runs: those that were stopped early look different."""
    traces = []
    for stopped, color, symbol in ((False, RUN, "circle"), (True, STOPPED, "diamond")):
        chosen = [index for index, point in enumerate(shown) if point.stopped is stopped]
        if chosen:
            text = [point_text(material, shown[index]) for index in chosen]
            traces.append(dots([x[i] for i in chosen], [y[i] for i in chosen], text=text, color=color, symbol=symbol))
    return traces


def point_text(material: Material, point: Point) -> str:
    """Return what a run says when it is pointed at."""
    how = ", stopped early" if point.stopped else ""
    cost = cost_unit(material).text(point.cost)
    params = formats.params_line({path: formats.shortened(_text(v), 24) for path, v in point.params.items()})
    lines = params.split("  ")[:12]
    return lines_of(f"r.{point.run}{how}", f"score {formats.number(point.score)}, cost {cost}", *lines)


def _text(value: object) -> str:
    return formats.number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _standing_text(material: Material, one: Standing) -> str:
    bounds = f"95 %: {formats.interval(one.configuration)}" if one.configuration.low is not None else ""
    count = len(one.configuration.runs)
    mean = f", the mean of {count} runs" if count > 1 else ""
    cost = cost_unit(material).text(one.cost)
    return lines_of(one.run.id, f"score {formats.number(one.score)}{mean}", bounds, f"cost {cost}")


def score_title(material: Material) -> str:
    """Return what the axis of scores is called."""
    better = "higher" if material.sweep.goal == "maximize" else "lower"
    return f"score ({better} is better)"


def cost_unit(material: Material, largest: float = 0.0) -> Unit:
    """Return the unit of costs; seconds become minutes or hours where `largest` is one of many."""
    kind = material.cost_kind
    return time_unit(largest) if kind == "seconds" else Unit(kind, 1.0, is_time=False)
