"""A command that stays: the live view of `run`, the log of `rollout`, and what they end with."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.prompt import Confirm
from rich.text import Text

from shared.config.schema import SweepJob
from shared.control.missing import say_missing
from shared.control.results import standings
from shared.control.snapshot import Snapshot, describe, describe_best
from shared.control.submit import Submitted
from shared.control.train_best import places_of
from shared.domain.events import RunCancelled, RunFailed, RunLost, RunObserved, RunRetried
from shared.domain.run import Run, RunState, run_id
from shared.domain.sweep import SweepState
from shared.local.run_sweep import LocalSweep
from shared.storage.folders import RunFolder
from shared.store.store import Store
from sweepctl.commands.options import print_json
from sweepctl.views import formats
from sweepctl.views.live import print_line, render, without_score
from sweepctl.views.results import summary
from sweepctl.views.screen import screen

INTERRUPTED = 130


def follow_to_the_end(store: Store, job: SweepJob, data_dir: Path, *, as_json: bool) -> int:
    """Run the sweep with a live view and return the exit code: 0 finished, 1 paused, 130 interrupted."""
    # With --json the result alone goes to stdout; what people watch goes to stderr.
    console = Console(stderr=as_json)
    sweep = LocalSweep(store, job, data_dir)
    with CtrlC() as ctrl_c, closing(sweep.follow()) as shots:
        watch = _show_live if console.is_terminal else _print_lines
        last = watch(console, store, _until_left(shots, ctrl_c, console))
        if ctrl_c.leaves:
            if sweep.workers is None:
                console.print(f"left; sweep {job.sweep_run} goes on with the workers that others started")
                return INTERRUPTED
            console.print("ending the workers; trainings write a checkpoint ...", style="dim")
            shots.close()
            console.print(_how_to_resume(job), soft_wrap=True)
            return INTERRUPTED
    return _conclude(console, store, last, as_json=as_json)


class CtrlC:
    """Ctrl-C as a question: the first one is noted, a second one before the answer means it."""

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
        """Ask whether to leave. Nobody to ask, or no answer, is a yes."""
        try:
            self.leaves = not (sys.stdin.isatty() and console.is_terminal) or Confirm.ask(
                "Leave this sweep? Runs in progress keep their checkpoints", console=console, default=True
            )
        except (KeyboardInterrupt, EOFError):
            self.leaves = True
        self.pressed = False


def stream_one_run(store: Store, job: SweepJob, data_dir: Path, *, stream: TextIO | None = None) -> int:
    """Run a sweep of one run with its log on the terminal, or on `stream`, and return the exit code."""
    stream = stream or sys.stdout
    console = Console(highlight=False, markup=False, file=stream)
    printed: dict[Path, int] = {}
    run: Run | None = None
    told = ""
    with closing(LocalSweep(store, job, data_dir).follow()) as shots:
        for shot in shots:
            if shot.sweep.created:
                run = store.runs.get(run_id(shot.sweep.name, 1))
                _print_new_logs(RunFolder(Path(job.runs_dir) / run.id), printed, stream)
                told = _print_progress(console, run, shot, told)
    if run is None:
        return 1
    run = store.runs.get(run.id)
    console.print(f"{run.id} {run.state}: {outcome(run)}")
    return 0 if run.state is RunState.OBSERVED else 1


def outcome(run: Run) -> str:
    """Return what came of a run."""
    if run.failure:
        return run.failure.message
    return f"score {formats.number(run.score)}, cost {formats.number(run.cost)}"


def train_the_best(store: Store, job: SweepJob, *, as_json: bool) -> int:
    """Carry out the rollout of a best configuration, say where its checkpoint and log lie, and return the exit code."""
    code = stream_one_run(store, job, Path(job.data_dir), stream=sys.stderr if as_json else None)
    sweep, run = store.sweeps.get(job.sweep_run), store.runs.get(run_id(job.sweep_run, 1))
    places = places_of(job, run)
    if as_json:
        print_json({**describe(run, sweep), **places})
        return code
    for name, place in places.items():
        if place:
            print(f"{name.partition('_')[0]:<11}{place}")
    return code


def say_what_is_next(store: Store, submitted: Submitted) -> None:
    """Print how to see a submitted sweep go on, and what is missing for that."""
    sweep, console = submitted.sweep, screen(highlight=False)
    if sweep.is_finished:
        console.print(f"sweep {sweep.name} is finished already: {sweep.reason}")
        console.print(f"  sweepctl best {sweep.name}")
        return
    console.print(f"sweep {sweep.name} {'goes on' if submitted.existed else 'is submitted'}")
    for note in submitted.notes:
        console.print(f"note: {note}", style="dim")
    for sentence in say_missing(sweep, store.fleet.live(), private=store.is_private):
        console.print(f"  {sentence}", style="yellow", soft_wrap=True)
    console.print(f"  sweepctl watch {sweep.name}       how it goes, on the full screen; `status` once")
    console.print(f"  sweepctl best {sweep.name}        the best run so far")
    console.print(f"  sweepctl stop {sweep.name}        end it after the runs in progress")


def _until_left(shots: Iterator[Snapshot], ctrl_c: CtrlC, console: Console) -> Iterator[Snapshot | None]:
    """Yield the snapshots, and None in place of one while a question stands on the terminal."""
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


def _first(shots: Iterator[Snapshot | None]) -> Snapshot:
    first = next(shots)
    if first is None:
        raise AssertionError("a followed sweep begins with a snapshot")
    return first


def _print_lines(console: Console, store: Store, shots: Iterator[Snapshot | None]) -> Snapshot:
    last, seen, over = _first(shots), 0, 0
    for shot in itertools.chain([last], shots):
        last = shot or last
        for entry in store.sweeps.events(last.sweep.name, after=seen):
            seen = entry.position
            match entry.event:
                case RunObserved(run=number) | RunFailed(run=number) | RunCancelled(run=number):
                    over += 1
                    run = store.runs.get(run_id(last.sweep.name, number))
                    print_line(console, run, over, last.sweep.limits.max_runs)
                case RunRetried():
                    over -= 1
                case RunLost(run=number, why=why):
                    console.print(f"run {number} lost: {why}", highlight=False, soft_wrap=True)
    return last


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


def ending(last: Snapshot) -> Text:
    """Return the last line of a sweep that was followed: why it ended or paused, and what is to be done about it."""
    sweep, sums = last.sweep, without_score(last)
    if sweep.state is SweepState.PAUSED:
        return Text(
            f"sweep {sweep.name} is paused: {sweep.reason}: see `sweepctl runs {sweep.name} --state failed`, "
            f"then `sweepctl resume {sweep.name}` and the same command again",
            style="yellow",
        )
    told = f"sweep {sweep.name} is {sweep.state}: {sweep.reason}"
    return Text(f"{told}: {sums}" if sums else told, style="green")


def _print_progress(console: Console, run: Run, shot: Snapshot, told: str) -> str:
    """Print a line when the run has moved on, and return what was printed last."""
    progress, metric = shot.progress.get(run.number), shot.sweep.config["sweep"]["metric"]
    line = f"{run.id} {run.state}"
    if progress is not None and run.state is RunState.TRAINING:
        line += f"  step {formats.steps(progress.step)}  {metric} {formats.number(progress.metrics.get(metric))}"
    if line != told and not run.is_finished:
        console.print(line, style="dim")
    return line


def _how_to_resume(job: SweepJob) -> Text:
    return Text(f"left; the same command with sweep_run={job.sweep_run} goes on where it was", style="yellow")


def _print_new_logs(folder: RunFolder, printed: dict[Path, int], stream: TextIO) -> None:
    logs = sorted((folder.path / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
    for log in logs:
        with log.open("rb") as file:
            before = printed.get(log, 0)
            file.seek(before if before <= log.stat().st_size else 0)  # it may have been cut
            text = file.read()
            printed[log] = file.tell()
        stream.write(text.decode(errors="replace"))
    stream.flush()
