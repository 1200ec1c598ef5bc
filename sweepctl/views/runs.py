"""The runs of a sweep: as a table that fits the terminal, and as whole lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from shared.domain.run import Run
from shared.domain.sweep import Sweep
from sweepctl import formats
from sweepctl.views.live import COLOURS
from sweepctl.views.tables import Sized, TableColumn, chosen, fitted_table, has_room

LEFT = ("run", "state", "")
WIDEST_ID = 0.4  # of the table: a longer id is shown as r.<number>
REMARK_WIDTH, REMARK_LINES = 24, 3
LEAST_WIDTH, MOST_WIDTH = 10, 14  # of a parameter's name, and of its values


def runs_table(runs: Sequence[Run], sweep: Sweep, *, state: str | None = None, older: int = 0) -> RenderableType:
    """Return a table of runs by number. `older` says how many older runs are not among them."""
    if not runs:
        return Text(
            f"sweep {sweep.name} has no run in state {state}" if state else f"sweep {sweep.name} has no run yet"
        )
    return Sized(lambda width: _table(runs, sweep, older=older, width=width))


def _table(runs: Sequence[Run], sweep: Sweep, *, older: int, width: int) -> RenderableType:
    columns = _columns(runs, [run.id for run in runs], width)
    is_short = columns[0].natural > WIDEST_ID * width or not has_room(chosen(columns, width), width)
    if is_short:
        columns = _columns(runs, [f"r.{run.number}" for run in runs], width)
    shown = chosen(columns, width)
    left_out = len(columns) - len(shown)
    notes = [f"{formats.count(left_out, 'more parameter')}: `sweepctl runs {sweep.name} --all`"] if left_out else []
    notes += [f"{formats.count(older, 'older run')}: `sweepctl runs {sweep.name} --all`"] if older else []
    head = [Text(f"r.N is short for {sweep.name}.r.N", style="dim")] if is_short else []
    return Group(*head, fitted_table(shown, width), *(Text(note, style="dim") for note in notes))


def _columns(runs: Sequence[Run], names: Sequence[str], width: int) -> list[TableColumn]:
    paths = formats.all_paths(run.params for run in runs)
    return [
        TableColumn("run", names),
        TableColumn("state", [Text(run.state, style=COLOURS[run.state]) for run in runs]),
        *([TableColumn("attempt", [str(run.attempt) for run in runs], right=True)] if _has_attempts(runs) else []),
        TableColumn("score", [formats.number(run.score) for run in runs], right=True),
        TableColumn("cost", [formats.number(run.cost) for run in runs], right=True),
        *parameter_columns([run.params for run in runs], paths),
        *([_remarks(runs, width)] if any(map(_remark, runs)) else []),
    ]


def parameter_columns(several: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> list[TableColumn]:
    """Return an optional column for each parameter: `several` holds the parameters of each row."""
    names = formats.short_names(paths)
    return [_parameter(names[path], [formats.number(params.get(path)) for params in several]) for path in paths]


def runs_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for each run with everything that the table has: for a pager, for grep."""
    paths = formats.all_paths(run.params for run in runs)
    names = formats.short_names(paths)
    titles = ["run", "state", "attempt", "score", "cost", *(names[path] for path in paths), ""]
    rows = [titles, *(_cells(run, paths) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "  ".join(
        f"{{:{'<' if title in LEFT else '>'}{width}}}" for title, width in zip(titles, widths, strict=True)
    )
    for row in rows:
        yield line.format(*row).rstrip()


def _cells(run: Run, paths: Sequence[str]) -> list[str]:
    facts = [str(run.attempt), formats.number(run.score), formats.number(run.cost)]
    values = [formats.number(run.params.get(path)) for path in paths]
    return [run.id, run.state.value, *facts, *values, _remark(run)]


def _remark(run: Run) -> str:
    return formats.early_stop(run.steps, run.early_stop.of_steps) if run.early_stop else formats.trouble(run)


def _remarks(runs: Sequence[Run], width: int) -> TableColumn:
    cells = [Text(_remark(run), style="yellow" if run.early_stop else "red") for run in runs]
    return TableColumn("", cells, least=max(REMARK_WIDTH, width // 4), lines=REMARK_LINES)


def _has_attempts(runs: Sequence[Run]) -> bool:
    return any(run.attempt > 1 for run in runs)


def _parameter(name: str, values: Sequence[str]) -> TableColumn:
    least = max(min(len(name), LEAST_WIDTH), min(max(map(len, values)), MOST_WIDTH))
    return TableColumn(name, values, least=least, right=True, optional=True)
