"""A sweep at one moment: progress, forecast, the runs in flight, the best configuration."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.control.snapshot import Snapshot, elapsed
from shared.domain.configuration import Configuration
from shared.domain.run import Run, RunState
from shared.domain.sweep import Sweep, SweepState
from sweepctl import formats
from sweepctl.views.tables import Sized, TableColumn, chosen, fitted_table

COLOURS = {
    RunState.QUEUED: "dim",
    RunState.TRAINING: "cyan",
    RunState.TRAINED: "yellow",
    RunState.EVALUATING: "magenta",
    RunState.OBSERVED: "green",
    RunState.FAILED: "red",
    RunState.CANCELLED: "dim",
}
SWEEP_COLOURS = {
    SweepState.RUNNING: "green",
    SweepState.PAUSED: "yellow",
    SweepState.STOPPING: "yellow",
    SweepState.FINISHED: "blue",
}
MOST_SHOWN, MOST_TROUBLES = 12, 3
BAR_WIDTH, CURVE_WIDTH, HOST_WIDTH = 10, 14, 12
LONGEST_TITLE, LONGEST_TROUBLE = 60, 150


def render(shot: Snapshot, notes: Sequence[str] = ()) -> RenderableType:
    """Return the view of a snapshot, with `notes` at its end."""
    name = shot.sweep.name
    is_long = len(name) > LONGEST_TITLE
    parts: list[RenderableType] = [Text(name, style="bold", overflow="fold")] if is_long else []
    parts.append(_progress(shot))
    parts += [] if shot.sweep.is_finished else [Text(), _flight(shot)]
    if shot.best is not None and shot.sweep.leading is not None:
        parts += [Text(), _best(shot.best, shot.sweep.leading, shot.sweep)]
    parts += [Text(note, style="yellow") for note in notes]
    title = Text.assemble(("sweep ", "dim"), (formats.shortened(name, LONGEST_TITLE), "bold"))
    return Panel(Group(*parts), title=title, title_align="left", border_style="dim", padding=(0, 1))


def _progress(shot: Snapshot) -> RenderableType:
    sweep, total = shot.sweep, shot.sweep.limits.max_runs
    grid = Table.grid(padding=(0, 1))
    state = Text(sweep.state, style=f"bold {SWEEP_COLOURS[sweep.state]}")
    meter = ProgressBar(total=total or 1, completed=shot.done if total else 0, width=32, pulse=total is None)
    grid.add_row(state, meter, Text(done_of(shot)))
    rows: list[RenderableType] = [grid, _time(shot), *_ahead(shot)]
    if sweep.reason:
        remedy = f"; to continue, run `sweepctl resume {sweep.name}`" if sweep.state is SweepState.PAUSED else ""
        rows.append(Text(f"{sweep.reason}{remedy}", style="yellow"))
    if sums := without_score(shot):
        rows.append(Text(sums, style="red" if shot.counts.get(RunState.FAILED) else "yellow"))
    return Group(*rows)


def done_of(shot: Snapshot) -> str:
    """Return how many runs are over, of how many."""
    total = shot.sweep.limits.max_runs
    return f"{shot.done} of {formats.count(total, 'run')}" if total else formats.count(shot.done, "run")


def without_score(shot: Snapshot) -> str:
    """Return how many runs ended without a score, and what to do about those that failed; nothing if none did."""
    name, failed = shot.sweep.name, shot.counts.get(RunState.FAILED, 0)
    ends = (("failed", failed), ("cancelled", shot.counts.get(RunState.CANCELLED, 0)))
    lost = [f"{count} {end}" for end, count in ends if count]
    if not lost:
        return ""
    sums = ", ".join([f"{shot.counts.get(RunState.OBSERVED, 0)} scored", *lost])
    return f"{sums}: `sweepctl runs {name} --state failed`, `sweepctl retry {name} --failed`" if failed else sums


def _time(shot: Snapshot) -> Text:
    passed = formats.duration(shot.now - shot.sweep.created_at)
    if shot.sweep.is_finished:
        return Text(f"took {passed}", style="dim")
    left = shot.seconds_left
    ahead = (f", about {formats.duration(left)} left", "bold") if left is not None else ""
    return Text.assemble((f"{passed} so far", "dim"), ahead)


def _ahead(shot: Snapshot) -> list[Text]:
    """Return what the runs cost so far, and the forecast with what it is based on."""
    sweep, ahead, unit = shot.sweep, shot.forecast, shot.sweep.cost_kind
    spent = f"cost {formats.cost(sweep.spent, unit)}"
    if sweep.limits.max_cost is not None:
        spent += f" of {formats.cost(sweep.limits.max_cost, unit)}"
    if ahead is None:
        return [Text(spent, style="dim")] if shot.done else []
    if ahead.limit is None:
        return [Text(f"{spent}; no forecast: the budget sets no limit that it could be based on", style="dim")]
    each = formats.duration(ahead.run_seconds)
    if unit != "seconds":
        each += f", cost {formats.cost(ahead.run_cost, unit)}"
    runs, slots = formats.count(ahead.runs_left or 0, "more run"), formats.count(ahead.slots, "slot")
    last = f"the last {ahead.of_runs} runs" if ahead.of_runs > 1 else "the last run"
    return [
        Text(f"{spent}, about {formats.cost(ahead.cost_at_end, unit)} at the end", style="dim"),
        Text(f"forecast: {runs} ({ahead.limit}) on {slots}, each like {last} ({each})", style="dim"),
    ]


def _flight(shot: Snapshot) -> RenderableType:
    if not shot.unfinished:
        return Text("no run in flight" if shot.sweep.created else "waiting for the first suggestion ...", style="dim")
    shown = shot.unfinished[:MOST_SHOWN]
    columns = _columns(shown, shot)
    parts: list[RenderableType] = [Sized(lambda width: fitted_table(chosen(columns, width), width))]
    troubles = [f"r.{run.number}: {trouble}" for run in shown if (trouble := formats.trouble(run))]
    parts += [Text(formats.beginning(text, LONGEST_TROUBLE), style="yellow") for text in troubles[:MOST_TROUBLES]]
    more = len(shot.unfinished) - MOST_SHOWN
    return Group(*parts, Text(f"and {more} more", style="dim")) if more > 0 else Group(*parts)


def _columns(runs: Sequence[Run], shot: Snapshot) -> list[TableColumn]:
    """Return the columns of the runs in flight; a narrow terminal has no room for the host and the curve."""
    metric = shot.sweep.metric
    reported = [shot.progress.get(run.number) for run in runs]
    totals = [progress.total_steps if progress else None for progress in reported]
    steps = [max(run.steps, progress.step if progress else 0) for run, progress in zip(runs, reported, strict=True)]
    curves = [[value for _, value in progress.curve] if progress else [] for progress in reported]
    return [
        TableColumn("run", [f"r.{run.number}" + (f" #{run.attempt}" if run.attempt > 1 else "") for run in runs]),
        TableColumn("state", [_state(run) for run in runs]),
        TableColumn("progress", [_bar(run, step, total) for run, step, total in zip(runs, steps, totals, strict=True)]),
        TableColumn("steps", [_steps(step, total) for step, total in zip(steps, totals, strict=True)]),
        TableColumn(
            metric,
            [formats.number(progress.metrics.get(metric) if progress else None) for progress in reported],
            least=CURVE_WIDTH,
            right=True,
        ),
        TableColumn("", [Text(formats.sparkline(curve, CURVE_WIDTH), style="cyan") for curve in curves], optional=True),
        TableColumn("time", [formats.duration(elapsed(run)) if run.owner else "" for run in runs]),
        TableColumn("host", [Text(_host(run), style="dim") for run in runs], least=HOST_WIDTH, optional=True),
    ]


def _state(run: Run) -> Text:
    return Text("stopped early" if run.early_stop else run.state, style=COLOURS[run.state])


def _bar(run: Run, step: int, total: int | None) -> Text:
    share = 1.0 if run.state in (RunState.TRAINED, RunState.EVALUATING) else step / total if total else 0.0
    return Text(formats.bar(share, BAR_WIDTH), style=COLOURS[run.state])


def _steps(step: int, total: int | None) -> str:
    return f"{formats.steps(step)}/{formats.steps(total)}" if total else formats.steps(step)


def _host(run: Run) -> str:
    return run.owner.worker.partition("@")[2].partition(":")[0] if run.owner else ""


def _best(best: Run, leading: Configuration, sweep: Sweep) -> RenderableType:
    known = f" (95 %: {formats.interval(leading)})" if leading.low is not None else ""
    more = f" and {len(leading.runs) - 1} more" if len(leading.runs) > 1 else ""
    cost = formats.cost(leading.cost, sweep.cost_kind)
    return Group(
        Text.assemble(
            ("best " if sweep.is_finished else "best so far ", "dim"),
            (f"{formats.number(leading.score)}{known} by r.{best.number}{more}, cost {cost}", "bold green"),
        ),
        Text(formats.params_line(best.params)),
    )
