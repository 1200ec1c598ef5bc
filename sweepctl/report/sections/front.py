"""The section of score against cost."""

from __future__ import annotations

from shared.control.results import Standing, pareto_front
from sweepctl import formats
from sweepctl.report.analysis import spans_decades, thinned
from sweepctl.report.drawing import BEST, LOG_AXIS, Chart, dots, hover_text, layout, line
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry, Section, TextTable
from sweepctl.report.sections.run_marks import NO_SCORE, RUN_LEGEND, RunMark, run_traces, score_title

MOST_POINTS = 1000
MOST_ROWS = 20
MEANING = "The Pareto front: the configurations that no other configuration beats on both score and cost."


def front_section(material: Material) -> Section:
    """Return score against cost, and the configurations that no other one beats."""
    title = "Score against cost"
    if not material.standings:
        return Section("front", title, [NO_SCORE])
    front = pareto_front(material.standings, goal=material.sweep.goal)
    unit = material.cost_unit()
    rows = [[one.run.id, formats.number(one.score), unit.text(one.cost)] for one in front]
    table = TextTable(f"The Pareto front ({len(front)})", ["run", "score", "cost"], thinned(rows, MOST_ROWS))
    legend = [LegendEntry(BEST, "dot", "on the Pareto front"), *RUN_LEGEND]
    return Section("front", title, [MEANING], legend=legend, charts=[_chart(material, front)], tables=[table])


def _chart(material: Material, front: list[Standing]) -> Chart:
    everything = material.standings
    chosen = {one.run.id for one in front}
    others = thinned([one for one in everything if one.run.id not in chosen], MOST_POINTS)
    unit = material.cost_unit(max(one.cost for one in everything))
    costs = [unit.of(one.cost) for one in everything]
    x, y = [unit.of(one.cost) for one in front], [one.score for one in front]
    marks = [
        RunMark(unit.of(one.cost), one.score, _text(material, one), one.run.early_stop is not None) for one in others
    ]
    data = [
        line(x, y, color=BEST, width=1.5, shape="hv"),
        *run_traces(marks),
        dots(x, y, text=[_text(material, one) for one in front], color=BEST, size=9),
    ]
    xaxis = LOG_AXIS if spans_decades(costs, decades=1.3) else {}
    figure = layout(f"cost of a run ({unit.name})", score_title(material), xaxis=xaxis)
    title = f"Score against cost of {formats.count(len(everything), 'configuration')}, {len(front)} on the Pareto front"
    return Chart("front", title, f"{title}.", data, figure, 360, wide=True)


def _text(material: Material, one: Standing) -> str:
    bounds = f"95 %: {formats.interval(one.configuration)}" if one.configuration.low is not None else ""
    count = len(one.configuration.runs)
    mean = f", the mean of {count} runs" if count > 1 else ""
    cost = material.cost_unit().text(one.cost)
    return hover_text(one.run.id, f"score {formats.number(one.score)}{mean}", bounds, f"cost {cost}")
