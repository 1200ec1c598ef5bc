"""The lines of a command that follows a sweep: what happens, how it ends, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from shared.control.missing import say_missing
from shared.control.news import FinishedRun, LostAttempt
from shared.control.restore import Restored
from shared.control.snapshot import Snapshot
from shared.control.submit import Submitted
from shared.domain.progress import Progress
from shared.domain.run import Run, RunState
from shared.domain.sweep import Sweep, SweepState
from sweepctl import formats
from sweepctl.views.live import done_of, without_score


def news_line(item: FinishedRun | LostAttempt, most: int | None) -> str:
    """Return one line for what happened; `most` is the number of runs in the budget."""
    if isinstance(item, LostAttempt):
        return f"run {item.run} lost an attempt: {formats.unbroken(item.why)}"
    return run_line(item.run, item.over, most)


def run_line(run: Run, over: int, most: int | None) -> str:
    """Return one line for a run that is over, the run number `over` of `most`."""
    of = f"{over}/{most}" if most else str(over)
    result = f"score {formats.number(run.score)}  cost {formats.number(run.cost)}"
    if run.early_stop:
        result += f"  {formats.early_stop(run.steps, run.early_stop.of_steps)}"
    if run.failure:
        result = formats.unbroken(run.failure.message)
    return f"[{of}] {run.id} {run.state}  {result}  {formats.params_line(run.params)}"


def outcome(run: Run) -> str:
    """Return the score and the cost of a run, or why it failed."""
    if run.failure:
        return run.failure.message
    return f"score {formats.number(run.score)}, cost {formats.number(run.cost)}"


def progress_line(run: Run, progress: Progress | None, *, metric: str) -> str:
    """Return the state of a run in progress and, while it trains, its last report."""
    line = f"run {run.id} {run.state}"
    if progress is not None and run.state is RunState.TRAINING:
        line += f"  step {formats.steps(progress.step)}  {metric} {formats.number(progress.metrics.get(metric))}"
    return line


def place_lines(places: Mapping[str, str | None]) -> list[str]:
    """Return a line for each file or folder of a run."""
    return [f"{name.partition('_')[0]:<12}{formats.place(place)}" for name, place in places.items() if place]


def submitted_view(submitted: Submitted, missing: Sequence[str]) -> Text:
    """Return the state of a submitted sweep, which workers it still needs, and the commands that come next."""
    sweep = submitted.sweep
    if sweep.is_finished:
        return Text(f"sweep {sweep.name} is already finished: {sweep.reason}\n  sweepctl best {sweep.name}")
    lines = [Text(f"sweep {sweep.name} {'continues' if submitted.existed else 'is submitted'}")]
    lines += [Text(f"note: {note}", style="dim") for note in submitted.notes]
    lines += [Text(f"  {sentence}", style="yellow") for sentence in missing]
    following = {
        f"sweepctl watch {sweep.name}": "watch it on the full screen",
        f"sweepctl best {sweep.name}": "show the best configuration so far",
        f"sweepctl stop {sweep.name}": "stop it after the runs in progress",
    }
    width = max(map(len, following))
    lines += [Text(f"  {command:<{width}}  {what}") for command, what in following.items()]
    return Text("\n").join(lines)


def standing_lines(shot: Snapshot) -> list[str]:
    """Return the state of a sweep, and which workers it still needs."""
    sweep = shot.sweep
    return [f"{state_line(sweep)}, {done_of(shot)} done", *say_missing(sweep, shot.workers, private=shot.is_private)]


def state_line(sweep: Sweep) -> str:
    """Return the state of a sweep and its reason."""
    return f"sweep {sweep.name} is {sweep.state}{f': {sweep.reason}' if sweep.reason else ''}"


def ending(last: Snapshot) -> Text:
    """Return the last line of a sweep that was followed: why it ended or paused, and what to do about it."""
    sweep, sums = last.sweep, without_score(last)
    if sweep.state is SweepState.PAUSED:
        return Text(
            f"{state_line(sweep)}: see `sweepctl runs {sweep.name} --state failed`, then run "
            f"`sweepctl resume {sweep.name}` and the same command again",
            style="yellow",
        )
    return Text(f"{state_line(sweep)}; {sums}" if sums else state_line(sweep), style="green")


def how_to_resume(sweep: str) -> Text:
    """Return how to continue a sweep after Ctrl-C."""
    return Text(f"left; to continue, run the same command with sweep_run={sweep}", style="yellow")


def restored_lines(back: Restored) -> list[str]:
    """Return what a restore brought back, and how the sweep continues."""
    sweep = back.sweep
    unknown = f" ({formats.count(back.unknown, 'run')} without a folder: cancelled)" if back.unknown else ""
    lines = [f"sweep {sweep.name} is restored with {formats.count(back.runs, 'run')}{unknown}", state_line(sweep)]
    if not sweep.is_finished:
        lines.append("to continue, run `sweepctl up`, or `sweepctl run` with its config")
    return lines
