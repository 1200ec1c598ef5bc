"""What a sweep found: the best configurations, and a plot of score over cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from shared.control.results import Standing, pareto_front
from shared.domain.sweep import Sweep
from sweepctl import formats
from sweepctl.views.runs import parameter_columns
from sweepctl.views.tables import Sized, TableColumn, chosen, fitted_table

PLOT_WIDTH, PLOT_HEIGHT = 56, 10
MOST_COLUMNS = 4
NAME_WIDTH, VALUE_WIDTH = 20, 16
BEST_STYLE = "bold green"
INTERVAL = "95 %: interval of the mean score over many seeds, corrected for the choice of the best"


def summary(sweep: Sweep, ranked: Sequence[Standing], next_steps: Sequence[str], *, most: int = 5) -> RenderableType:
    """Return the best configurations, the Pareto front, where the files are, and the commands that come next."""
    front = pareto_front(ranked, goal=sweep.goal)
    repeated = any(len(one.configuration.runs) > 1 for one in ranked)
    what = "configurations" if repeated else "runs"
    legend = [Text(INTERVAL, style="dim")] if any(one.configuration.low is not None for one in ranked) else []
    parts: list[RenderableType] = [
        Text(f"Best {what} of {sweep.name} ({len(ranked)} with a score)", style="italic"),
        best_table(ranked[:most]),
        *legend,
        Text(),
        *([front_plot(ranked, front, cost=_unit(sweep, ranked)), Text()] if len(ranked) > 1 else []),
        _places(ranked, Path(sweep.runs_dir).parent, next_steps),
    ]
    return Group(*parts)


def best_table(ranked: Sequence[Standing]) -> RenderableType:
    """Return a table of configurations: their best run, score, cost, and every parameter.

    With them the interval of the score, and how many runs it is the mean of, where these are known. Many parameters, or
    a narrow terminal, make it a table with a row for each parameter and a column for each configuration.
    """
    return Sized(lambda width: _table(ranked, width))


def _table(ranked: Sequence[Standing], width: int) -> RenderableType:
    paths = formats.all_paths(one.run.params for one in ranked)
    columns = [
        TableColumn("run", [one.run.id for one in ranked]),
        *(TableColumn(name, cells, right=True) for name, cells in _facts(ranked).items()),
        *parameter_columns([one.run.params for one in ranked], paths),
    ]
    if len(paths) > MOST_COLUMNS or len(chosen(columns, width)) < len(columns) or len(columns[0].cells[0]) > width // 2:
        return _upright_table(ranked, paths, width)
    return fitted_table(columns, width, styles=[BEST_STYLE])


def _upright_table(ranked: Sequence[Standing], paths: Sequence[str], width: int) -> RenderableType:
    names, facts = formats.short_names(paths), _facts(ranked)
    heads = [*facts, *(names[path] for path in paths)]
    columns = [TableColumn("", [Text(head) for head in heads], least=NAME_WIDTH)]
    for index, one in enumerate(ranked):
        values = [*(cells[index] for cells in facts.values()), *(formats.number(one.run.params.get(p)) for p in paths)]
        style = "" if index else BEST_STYLE
        cells = [Text(value, style=style) for value in values]
        columns.append(TableColumn(f"r.{one.run.number}", cells, least=VALUE_WIDTH, right=True, optional=index > 0))
    shown = chosen(columns, width)
    table = fitted_table(shown, width)
    left_out = len(columns) - len(shown)
    if not left_out:
        return table
    note = f"{formats.count(left_out, 'more configuration')}: make the terminal wider to see all"
    return Group(table, Text(note, style="dim"))


def _facts(ranked: Sequence[Standing]) -> dict[str, list[str]]:
    """Return the columns that say how good the configurations are, a cell for each."""
    found = [one.configuration for one in ranked]
    facts = {"score": [formats.number(one.score) for one in found]}
    if any(one.low is not None for one in found):
        facts["95 %"] = [formats.interval(one) for one in found]
    if any(len(one.runs) > 1 for one in found):
        facts["runs"] = [str(len(one.runs)) for one in found]
    return facts | {"cost": [formats.number(one.cost) for one in found]}


def front_plot(observed: Sequence[Standing], front: Sequence[Standing], *, cost: str) -> RenderableType:
    """Return a small scatter plot of score over cost, with the Pareto front marked."""
    scores, costs = [one.score for one in observed], [one.cost for one in observed]
    if max(scores) == min(scores):
        return Text(f"All {len(observed)} scores are {formats.number(scores[0])}: the cheapest run is the best.")
    lowest, highest, worst, top = min(costs), max(costs), min(scores), max(scores)
    canvas = [[" "] * PLOT_WIDTH for _ in range(PLOT_HEIGHT)]
    marked = {one.run.id for one in front}
    for one in sorted(observed, key=lambda one: one.run.id in marked):
        column = _place(one.cost, lowest, highest, PLOT_WIDTH)
        row = PLOT_HEIGHT - 1 - _place(one.score, worst, top, PLOT_HEIGHT)
        canvas[row][column] = "●" if one.run.id in marked else "·"
    high, low = formats.number(top), formats.number(worst)
    margin = max(len(high), len(low))
    labels = [high, *[""] * (PLOT_HEIGHT - 2), low]
    rows = zip(labels, canvas, strict=True)
    lines = [Text.assemble((f"{label:>{margin}} │", "dim"), *_coloured(row)) for label, row in rows]
    left, right = formats.number(lowest), formats.number(highest)
    axis = f"{'':>{margin}} └{'─' * PLOT_WIDTH}"
    legend = f"{'':>{margin}}  {left}{f'cost ({cost})':^{PLOT_WIDTH - len(left) - len(right)}}{right}"
    title = Text("Score over cost; ● Pareto front: no run is better and cheaper")
    return Group(title, *lines, Text(axis, style="dim"), Text(legend, style="dim"))


def _places(ranked: Sequence[Standing], folder: Path, next_steps: Sequence[str]) -> RenderableType:
    lines = [Text.assemble(("folder    ", "dim"), formats.place(folder))]
    if ranked:
        run = ranked[0].run.id
        lines.append(Text.assemble(("best run  ", "dim"), f"runs/{run}"))
        for number, step in enumerate([*next_steps, f"sweepctl show {run}"]):
            lines.append(Text.assemble(("          " if number else "next      ", "dim"), step))
    return Group(*lines)


def _unit(sweep: Sweep, ranked: Sequence[Standing]) -> str:
    return "as reported" if any("cost" in one.run.metrics for one in ranked) else sweep.cost_kind


def _coloured(row: Sequence[str]) -> list[tuple[str, str]]:
    return [(cell, "bold green" if cell == "●" else "cyan") for cell in row]


def _place(value: float, low: float, high: float, size: int) -> int:
    return round((value - low) / (high - low) * (size - 1)) if high > low else 0
