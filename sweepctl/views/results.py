"""What a sweep found: the best runs, and the front of score against cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.domain.run import Run
from shared.domain.sweep import Sweep
from sweepctl.actions.results import pareto_front
from sweepctl.views import formats

PLOT_WIDTH, PLOT_HEIGHT = 56, 10
MOST_COLUMNS = 4


def summary(sweep: Sweep, ranked: Sequence[Run], *, most: int = 5) -> RenderableType:
    """Return what a sweep found: the best runs, the Pareto front, and where everything lies."""
    shown = ranked[:most]
    front = pareto_front(ranked, goal=sweep.goal)
    parts: list[RenderableType] = [
        best_table(shown, title=f"Best runs of {sweep.name} ({len(ranked)} with a score)"),
        Text(),
        front_plot(ranked, front, cost=_unit(sweep, ranked)),
        Text(),
        left_behind(sweep, Path(sweep.config["runs_dir"]).parent),
    ]
    return Group(*parts)


def best_table(runs: Sequence[Run], *, title: str) -> Table:
    """Return a table of runs: score, cost, and every parameter. Many parameters become rows, with a column a run."""
    paths = formats.all_paths(run.params for run in runs)
    names = formats.short_names(paths)
    if len(paths) > MOST_COLUMNS:
        return _upright_table(runs, names, title=title)
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("run", "score", "cost", *(names[path] for path in paths)):
        table.add_column(column, justify="left" if column == "run" else "right")
    for index, run in enumerate(runs):
        values = [formats.number(run.params.get(path)) for path in paths]
        cells = [run.id, formats.number(run.score), formats.number(run.cost), *values]
        table.add_row(*cells, style="bold green" if index == 0 else None)
    return table


def _upright_table(runs: Sequence[Run], names: Mapping[str, str], *, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for index, run in enumerate(runs):
        table.add_column(f"r.{run.number}", justify="right", style="bold green" if index == 0 else None)
    table.add_row("score", *(formats.number(run.score) for run in runs))
    table.add_row("cost", *(formats.number(run.cost) for run in runs), end_section=True)
    for path, name in names.items():
        table.add_row(name, *(formats.number(run.params.get(path)) for run in runs))
    return table


def front_plot(observed: Sequence[Run], front: Sequence[Run], *, cost: str) -> RenderableType:
    """Return a small scatter plot of score over cost; the runs of the Pareto front are marked."""
    scores, costs = [run.score or 0.0 for run in observed], [run.cost or 0.0 for run in observed]
    if len(observed) < 2:
        return Text()
    if max(scores) == min(scores):
        return Text(f"All {len(observed)} runs score {formats.number(scores[0])}: the cheapest is the best.")
    canvas = [[" "] * PLOT_WIDTH for _ in range(PLOT_HEIGHT)]
    chosen = {run.id for run in front}
    for run in sorted(observed, key=lambda run: run.id in chosen):
        column = _place(run.cost or 0.0, costs, PLOT_WIDTH)
        row = PLOT_HEIGHT - 1 - _place(run.score or 0.0, scores, PLOT_HEIGHT)
        canvas[row][column] = "●" if run.id in chosen else "·"
    high, low = formats.number(max(scores)), formats.number(min(scores))
    margin = max(len(high), len(low))
    labels = [high, *[""] * (PLOT_HEIGHT - 2), low]
    rows = zip(labels, canvas, strict=True)
    lines = [Text.assemble((f"{label:>{margin}} │", "dim"), *_coloured(row)) for label, row in rows]
    left, right = formats.number(min(costs)), formats.number(max(costs))
    axis = f"{'':>{margin}} └{'─' * PLOT_WIDTH}"
    legend = f"{'':>{margin}}  {left}{f'cost ({cost})':^{PLOT_WIDTH - len(left) - len(right)}}{right}"
    title = Text("Score over cost; ● Pareto front: no run is better and cheaper")
    return Group(title, *lines, Text(axis, style="dim"), Text(legend, style="dim"))


def left_behind(sweep: Sweep, folder: Path) -> RenderableType:
    """Return where things lie, and what to do next: whole lines, to be copied."""
    lines = [Text.assemble(("folder    ", "dim"), str(folder))]
    if sweep.best:
        run = f"{sweep.name}.r.{sweep.best.run}"
        lines += [
            Text.assemble(("best run  ", "dim"), f"runs/{run}"),
            Text.assemble(("next      ", "dim"), f"sweepctl best {sweep.name}"),
            Text.assemble(("          ", "dim"), f"sweepctl show {run}"),
        ]
    return Group(*lines)


def _unit(sweep: Sweep, runs: Sequence[Run]) -> str:
    return "as reported" if any("cost" in run.metrics for run in runs) else str(sweep.config["cost"])


def _coloured(row: Sequence[str]) -> list[tuple[str, str]]:
    return [(cell, "bold green" if cell == "●" else "cyan") for cell in row]


def _place(value: float, values: Sequence[float], size: int) -> int:
    low, high = min(values), max(values)
    return round((value - low) / (high - low) * (size - 1)) if high > low else 0
