"""A sweep while it goes on: progress, the runs in flight, the best so far, the time left."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.control.snapshot import Snapshot, elapsed
from shared.domain.configuration import Configuration
from shared.domain.run import Run, RunState
from shared.domain.sweep import SweepState
from sweepctl.views import formats

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
MOST_SHOWN = 12
BAR_WIDTH, CURVE_WIDTH = 10, 14  # so that a row fits into 80 columns


def render(shot: Snapshot, notes: Sequence[str] = ()) -> RenderableType:
    """Return the live view of a snapshot."""
    parts: list[RenderableType] = [_progress(shot), Text(), _flight(shot)]
    if shot.best is not None and shot.sweep.leading is not None:
        parts += [Text(), _best(shot.best, shot.sweep.leading, shot.sweep.config["cost"])]
    parts += [Text(note, style="yellow") for note in notes]
    title = Text.assemble(("sweep ", "dim"), (shot.sweep.name, "bold"))
    return Panel(Group(*parts), title=title, title_align="left", border_style="dim", padding=(0, 1))


def _progress(shot: Snapshot) -> RenderableType:
    sweep, total = shot.sweep, shot.sweep.limits.max_runs
    grid = Table.grid(padding=(0, 1))
    state = Text(sweep.state, style=f"bold {SWEEP_COLOURS[sweep.state]}")
    of = f"{shot.done} of {total} runs" if total else f"{shot.done} runs"
    meter = ProgressBar(total=total or 1, completed=shot.done if total else 0, width=32, pulse=total is None)
    grid.add_row(state, meter, Text(of))
    rows: list[RenderableType] = [grid, _time(shot), *_ahead(shot)]
    if sweep.reason:
        remedy = f": `sweepctl resume {sweep.name}` lets it go on" if sweep.state is SweepState.PAUSED else ""
        rows.append(Text(f"{sweep.reason}{remedy}", style="yellow"))
    if sums := without_score(shot):
        rows.append(Text(sums, style="red" if shot.counts.get(RunState.FAILED) else "yellow"))
    return Group(*rows)


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
    """What was spent of the budgets, and what the forecast is and goes by."""
    sweep, ahead, unit = shot.sweep, shot.forecast, shot.sweep.config["cost"]
    spent = f"cost {formats.cost(sweep.spent, unit)}"
    if sweep.limits.max_cost is not None:
        spent += f" of {formats.cost(sweep.limits.max_cost, unit)}"
    if ahead is None:
        return [Text(spent, style="dim")] if shot.done else []
    if ahead.limit is None:
        return [Text(f"{spent}; no limit is set that can be foreseen", style="dim")]
    each = formats.duration(ahead.run_seconds)
    if unit != "seconds":
        each += f", cost {formats.cost(ahead.run_cost, unit)}"
    runs, slots = _counted(ahead.runs_left or 0, "more run"), _counted(ahead.slots, "slot")
    return [
        Text(f"{spent}, about {formats.cost(ahead.cost_at_end, unit)} at the end", style="dim"),
        Text(f"{runs} ({ahead.limit}), if like the last {ahead.of_runs} ({each}) on {slots}", style="dim"),
    ]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _flight(shot: Snapshot) -> RenderableType:
    if not shot.unfinished:
        return Text("no run in flight" if shot.sweep.created else "waiting for the first suggestion ...", style="dim")
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    metric = formats.shortened(shot.sweep.config["sweep"]["metric"], CURVE_WIDTH)
    for name in ("run", "state", "progress", "steps", metric, "", "time"):
        table.add_column(name, no_wrap=True)
    table.add_column("host", overflow="ellipsis")  # the one that gives way on a narrow terminal
    for run in shot.unfinished[:MOST_SHOWN]:
        table.add_row(*_row(run, shot))
    more = len(shot.unfinished) - MOST_SHOWN
    return Group(table, Text(f"and {more} more", style="dim")) if more > 0 else table


def _row(run: Run, shot: Snapshot) -> list[RenderableType]:
    progress = shot.progress.get(run.number)
    step = max(run.steps, progress.step if progress else 0)
    total = progress.total_steps if progress else None
    metric = shot.sweep.config["sweep"]["metric"]
    curve = [value for _, value in progress.curve] if progress else []
    last = progress.metrics.get(metric) if progress else None
    name = f"r.{run.number}" + (f" #{run.attempt}" if run.attempt > 1 else "")
    share = 1.0 if run.state in (RunState.TRAINED, RunState.EVALUATING) else step / total if total else 0.0
    host = run.owner.worker.partition("@")[2].partition(":")[0] if run.owner else formats.trouble(run)
    return [
        Text(name),
        Text("stopped early" if run.early_stop else run.state, style=COLOURS[run.state]),
        Text(formats.bar(share, BAR_WIDTH), style=COLOURS[run.state]),
        Text(f"{formats.steps(step)}/{formats.steps(total)}" if total else formats.steps(step)),
        Text(formats.number(last), justify="right"),
        Text(formats.sparkline(curve, CURVE_WIDTH), style="cyan"),
        Text(formats.duration(elapsed(run)) if run.owner else ""),
        Text(host, style="dim"),
    ]


def _best(best: Run, leading: Configuration, cost: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    known = f" (95 %: {formats.interval(leading)})" if leading.low is not None else ""
    more = f" and {len(leading.runs) - 1} more" if len(leading.runs) > 1 else ""
    score = f"{formats.number(leading.score)}{known} by r.{best.number}{more}, cost {formats.cost(leading.cost, cost)}"
    grid.add_row(Text("best so far", style="dim"), Text(score, style="bold green"))
    grid.add_row(Text(""), Text(formats.params_line(best.params)))
    return grid


def print_line(console: Console, run: Run, done: int, total: int | None) -> None:
    """Print one line for a run that is over: for logs and pipes, where nothing can be redrawn."""
    of = f"{done}/{total}" if total else str(done)
    outcome = f"score {formats.number(run.score)}  cost {formats.number(run.cost)}"
    if run.early_stop:
        outcome += f"  {formats.early_stop(run.steps, run.early_stop.of_steps)}"
    if run.failure:
        outcome = run.failure.message.splitlines()[0]
    line = f"[{of}] {run.id} {run.state}  {outcome}  {formats.params_line(run.params)}"
    console.print(line, highlight=False, markup=False, soft_wrap=True)
