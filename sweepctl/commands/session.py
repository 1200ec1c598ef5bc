"""What several commands do while a sweep runs: show it to its end, print the log of a run, print what is next."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.prompt import Confirm

from shared.config.schema import SweepJob
from shared.control.missing import missing_for
from shared.control.named import sweep_named
from shared.control.news import News
from shared.control.results import standings
from shared.control.snapshot import Snapshot, describe, describe_best
from shared.control.stores import Store
from shared.control.submit import Submitted
from shared.control.train_best import places_of
from shared.domain.run import Run, RunState
from shared.domain.sweep import SweepState
from shared.local.rollout import RolloutStep, roll_out
from shared.local.run_sweep import LocalSweep
from sweepctl.commands.options import print_json
from sweepctl.panels import INTERRUPTED
from sweepctl.views.live import render
from sweepctl.views.results import summary
from sweepctl.views.screen import screen
from sweepctl.views.session import (
    ending,
    how_to_resume,
    news_line,
    outcome,
    place_lines,
    progress_line,
    submitted_view,
)


def follow_to_the_end(store: Store, job: SweepJob, data_dir: Path, *, as_json: bool) -> int:
    """Run the sweep with a live view and return the exit code: 0 finished, 1 paused or no score, 130 interrupted."""
    # With --json only the result goes to stdout; what people watch goes to stderr.
    console = screen(on_stderr=as_json)
    sweep = LocalSweep(store, job, data_dir)
    with CtrlC() as ctrl_c, closing(sweep.follow()) as shots:
        show = _show_live if console.is_terminal else _print_lines
        last = show(console, store, _until_left(shots, ctrl_c, console))
        if ctrl_c.leaves:
            if sweep.workers is None:
                console.print(f"left; other workers continue sweep {job.sweep_run}", soft_wrap=True)
                return INTERRUPTED
            console.print("ending the workers; trainings write a checkpoint ...", style="dim")
            shots.close()
            console.print(how_to_resume(job.sweep_run), soft_wrap=True)
            return INTERRUPTED
    return _conclude(console, store, last, as_json=as_json)


class CtrlC:
    """Ctrl-C as a question: the first press is noted; a second one before the answer interrupts at once."""

    def __init__(self) -> None:
        self.pressed = self.leaves = False

    def __enter__(self) -> CtrlC:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, signal_number: int, frame: object) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True

    def ask(self, console: Console) -> None:
        """Ask whether to leave. Without a terminal to ask on, or without an answer, the answer is yes."""
        try:
            self.leaves = not (sys.stdin.isatty() and console.is_terminal) or Confirm.ask(
                "Leave this sweep? Runs in progress keep their checkpoints", console=console, default=True
            )
        except (KeyboardInterrupt, EOFError):
            self.leaves = True
        self.pressed = False


def stream_one_run(store: Store, job: SweepJob, data_dir: Path) -> int:
    """Run a sweep of one run with its log on stdout, and return the exit code."""
    run = _print_run(roll_out(store, job, data_dir), metric=job.sweep.metric, stream=sys.stdout)
    return 0 if run.state is RunState.OBSERVED else 1


def train_the_best(store: Store, job: SweepJob, *, as_json: bool) -> int:
    """Carry out the rollout of a best configuration, print where its files are, and return the exit code."""
    stream = sys.stderr if as_json else sys.stdout
    run = _print_run(roll_out(store, job, Path(job.data_dir)), metric=job.sweep.metric, stream=stream)
    places = places_of(job, run)
    if as_json:
        print_json({**describe(run, sweep_named(store, run.sweep)), **places})
    else:
        print("\n".join(place_lines(places)))
    return 0 if run.state is RunState.OBSERVED else 1


def _print_run(steps: Generator[RolloutStep, None, None], *, metric: str, stream: TextIO) -> Run:
    """Print what a run does and what it prints until it ends; return its record then."""
    console = Console(highlight=False, markup=False, file=stream)
    printed, run = "", None
    with closing(steps):
        for step in steps:
            run = step.run
            stream.write(step.printed)
            stream.flush()
            line = progress_line(run, step.progress, metric=metric)
            if line != printed and not run.is_finished:
                console.print(line, style="dim", soft_wrap=True)
            printed = line
    if run is None:
        raise AssertionError("a rollout yields at least one step")
    console.print(f"run {run.id} {run.state}: {outcome(run)}", soft_wrap=True)
    return run


def print_what_is_next(store: Store, submitted: Submitted) -> None:
    """Print which workers a submitted sweep still needs, and the commands that come next."""
    screen(highlight=False).print(submitted_view(submitted, missing_for(store, submitted.sweep)), soft_wrap=True)


def _until_left(shots: Iterator[Snapshot], ctrl_c: CtrlC, console: Console) -> Iterator[Snapshot | None]:
    """Yield the snapshots, and None before a question is asked on the terminal."""
    for shot in shots:
        yield shot
        if ctrl_c.pressed:
            yield None
            ctrl_c.ask(console)
            if ctrl_c.leaves:
                return


def _show_live(console: Console, store: Store, shots: Iterator[Snapshot | None]) -> Snapshot:
    last = _first(shots)
    with Live(render(last), console=console, refresh_per_second=4, transient=True) as live:
        for shot in shots:
            if shot is None:
                live.stop()
            else:
                last = shot
                live.start()
                live.update(render(last))
    console.print(render(last))
    return last


def _print_lines(console: Console, store: Store, shots: Iterator[Snapshot | None]) -> Snapshot:
    last = _first(shots)
    news, most = News(store, last.sweep.name), last.sweep.limits.max_runs

    def print_news() -> None:
        for item in news.read():
            console.print(news_line(item, most), highlight=False, markup=False, soft_wrap=True)

    print_news()
    for shot in shots:
        last = shot or last
        print_news()
    return last


def _first(shots: Iterator[Snapshot | None]) -> Snapshot:
    first = next(shots)
    if first is None:
        raise AssertionError("a followed sweep begins with a snapshot")
    return first


def _conclude(console: Console, store: Store, last: Snapshot, *, as_json: bool) -> int:
    sweep = last.sweep
    ranked = standings(store, sweep)
    if as_json:
        best = describe_best(ranked[0].run, sweep, ranked[0].configuration) if ranked else None
        print_json({**last.to_json(), "best": best})
    elif ranked:
        console.print(summary(sweep, ranked, [f"sweepctl best {sweep.name}", f"sweepctl report {sweep.name}"]))
    console.print(ending(last), soft_wrap=True)
    return 1 if sweep.state is SweepState.PAUSED or not ranked else 0
