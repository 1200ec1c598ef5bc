"""What a sweep found: the best configurations, and the front of score against cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.control.results import Standing, pareto_front
from shared.domain.sweep import Sweep
from sweepctl.views import formats

PLOT_WIDTH, PLOT_HEIGHT = 56, 10
MOST_COLUMNS = 4
INTERVAL = "95 %: the mean over many seeds; that a chosen score is a lucky one is allowed for"


def summary(sweep: Sweep, ranked: Sequence[Standing], next_steps: Sequence[str], *, most: int = 5) -> RenderableType:
    """Return what a sweep found: the best configurations, the Pareto front, where everything lies, and what is next."""
    front = pareto_front(ranked, goal=sweep.goal)
    repeated = any(len(one.configuration.runs) > 1 for one in ranked)
    what = "configurations" if repeated else "runs"
    told = [Text(INTERVAL, style="dim")] if any(one.configuration.low is not None for one in ranked) else []
    parts: list[RenderableType] = [
        best_table(ranked[:most], title=f"Best {what} of {sweep.name} ({len(ranked)} with a score)"),
        *told,
        Text(),
        front_plot(ranked, front, cost=_unit(sweep, ranked)),
        Text(),
        left_behind(ranked, Path(sweep.config["runs_dir"]).parent, next_steps),
    ]
    return Group(*parts)


def best_table(ranked: Sequence[Standing], *, title: str) -> Table:
    """Return a table of configurations: their best run, score, cost, and every parameter.

    With them what the score is worth, and how many runs it is the mean of, where that says something. Many parameters
    become rows, with a column for each configuration.
    """
    paths = formats.all_paths(one.run.params for one in ranked)
    names = formats.short_names(paths)
    facts = _facts(ranked)
    if len(paths) > MOST_COLUMNS:
        return _upright_table(ranked, facts, names, title=title)
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    ids = max((len(one.run.id) for one in ranked), default=0)
    for column in ("run", *facts, *(names[path] for path in paths)):
        is_run = column == "run"
        table.add_column(column, justify="left" if is_run else "right", min_width=ids if is_run else None)
    for index, one in enumerate(ranked):
        cells = [one.run.id, *(column[index] for column in facts.values())]
        values = [formats.number(one.run.params.get(path)) for path in paths]
        table.add_row(*cells, *values, style="bold green" if index == 0 else None)
    return table


def _upright_table(
    ranked: Sequence[Standing], facts: Mapping[str, Sequence[str]], names: Mapping[str, str], *, title: str
) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for index, one in enumerate(ranked):
        table.add_column(f"r.{one.run.number}", justify="right", style="bold green" if index == 0 else None)
    for name, cells in facts.items():
        table.add_row(name, *cells, end_section=name == "cost")
    for path, name in names.items():
        table.add_row(name, *(formats.number(one.run.params.get(path)) for one in ranked))
    return table


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
    """Return a small scatter plot of score over cost; what is on the Pareto front is marked."""
    scores, costs = [one.score for one in observed], [one.cost for one in observed]
    if len(observed) < 2:
        return Text()
    if max(scores) == min(scores):
        return Text(f"All {len(observed)} runs score {formats.number(scores[0])}: the cheapest is the best.")
    lowest, highest, worst, top = min(costs), max(costs), min(scores), max(scores)
    canvas = [[" "] * PLOT_WIDTH for _ in range(PLOT_HEIGHT)]
    chosen = {one.run.id for one in front}
    for one in sorted(observed, key=lambda one: one.run.id in chosen):
        column = _place(one.cost, lowest, highest, PLOT_WIDTH)
        row = PLOT_HEIGHT - 1 - _place(one.score, worst, top, PLOT_HEIGHT)
        canvas[row][column] = "●" if one.run.id in chosen else "·"
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


def left_behind(ranked: Sequence[Standing], folder: Path, next_steps: Sequence[str]) -> RenderableType:
    """Return where things lie, and the commands to go on with: whole lines, to be copied."""
    lines = [Text.assemble(("folder    ", "dim"), str(folder))]
    if ranked:
        run = ranked[0].run.id
        lines.append(Text.assemble(("best run  ", "dim"), f"runs/{run}"))
        for number, step in enumerate([*next_steps, f"sweepctl show {run}"]):
            lines.append(Text.assemble(("          " if number else "next      ", "dim"), step))
    return Group(*lines)


def _unit(sweep: Sweep, ranked: Sequence[Standing]) -> str:
    return "as reported" if any("cost" in one.run.metrics for one in ranked) else str(sweep.config["cost"])


def _coloured(row: Sequence[str]) -> list[tuple[str, str]]:
    return [(cell, "bold green" if cell == "●" else "cyan") for cell in row]


def _place(value: float, low: float, high: float, size: int) -> int:
    return round((value - low) / (high - low) * (size - 1)) if high > low else 0
