"""The command that follows a sweep: watch."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, SweepName, the_store
from sweepctl.panels import LOOK

if TYPE_CHECKING:
    from shared.control.watching import Picture, Watch

LOOK_SECONDS = 1.0


def watch(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Watch a sweep on the full screen.

    Shows runs, curves and workers. Press Enter to open a run with its log, q to leave. Watching changes nothing, and
    continues after an outage of the store. Without a terminal it prints the state of the sweep, then one line for each
    run that ends, until the sweep ends; with --json only these lines.

    Example: sweepctl watch mysweep
    """
    from shared.control.named import sweep_named
    from shared.control.watching import Watch

    with the_store(data_dir, redis) as store:
        name = sweep_named(store, sweep).name
    watching = Watch(lambda: the_store(data_dir, redis), name)
    try:
        picture = watching.look()
        if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            print_lines(watching, picture, as_json=as_json)
        else:
            from sweepctl.views.watch_app import watch_full_screen

            watch_full_screen(watching, picture)
    finally:
        watching.close()


def print_lines(watch: Watch, picture: Picture, *, as_json: bool) -> None:
    """Print the state of the sweep, then a line for each run that ends from now on, until the sweep ends."""
    from shared.control.snapshot import describe
    from sweepctl.views.session import run_line, standing_lines, state_line

    while not picture.is_whole:
        picture = watch.look()
    if not as_json:
        print("\n".join(standing_lines(picture.shot)), flush=True)
    state, over = picture.shot.sweep.state, {run.number for run in picture.runs if run.is_finished}
    for shown in _pictures(watch, picture):
        sweep = shown.shot.sweep
        for run in shown.runs:
            if run.is_finished and run.number not in over:
                over.add(run.number)
                most = sweep.limits.max_runs
                print(json.dumps(describe(run, sweep)) if as_json else run_line(run, len(over), most), flush=True)
        if sweep.state != state and not as_json:
            print(state_line(sweep), flush=True)
        state = sweep.state


def _pictures(watch: Watch, picture: Picture) -> Iterator[Picture]:
    """Yield the sweep as it is now, again and again, until it is over. An outage is noted once, and waited for."""
    from shared.domain.errors import StoreUnreachable

    is_away = False
    yield picture
    while not picture.shot.sweep.is_finished:
        time.sleep(LOOK_SECONDS)
        try:
            picture = watch.look()
        except StoreUnreachable as reason:
            if not is_away:
                print(f"{reason}; retrying", file=sys.stderr)
            is_away = True
            continue
        is_away = False
        yield picture


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel=LOOK)(watch)
