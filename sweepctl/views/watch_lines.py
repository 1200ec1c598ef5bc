"""A sweep that is watched where nothing can be redrawn: one line for each run that ends."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

from rich.console import Console

from shared.control.missing import say_missing
from shared.control.snapshot import Snapshot, describe
from shared.control.watching import Picture, Watch
from shared.domain.errors import StoreUnreachable
from sweepctl.views.live import print_line

LOOK_SECONDS = 1.0


def watch_lines(watch: Watch, picture: Picture, *, as_json: bool) -> None:
    """Print how the sweep stands, then a line for each run that ends from now on, until the sweep does."""
    while not picture.is_whole:
        picture = watch.look()
    console, told = Console(highlight=False), picture.shot.sweep.state
    if not as_json:
        print("\n".join(_standing(picture.shot)), flush=True)
    seen = {run.number for run in picture.runs if run.is_finished}
    for shown in _pictures(watch, picture):
        sweep = shown.shot.sweep
        for run in shown.runs:
            if not run.is_finished or run.number in seen:
                continue
            seen.add(run.number)
            if as_json:
                print(json.dumps(describe(run, sweep)), flush=True)
            else:
                print_line(console, run, len(seen), sweep.limits.max_runs)
        if not as_json and sweep.state != told:
            print(f"sweep {sweep.name} is {sweep.state}: {sweep.reason}", flush=True)
        told = sweep.state


def _standing(shot: Snapshot) -> list[str]:
    sweep, most = shot.sweep, shot.sweep.limits.max_runs
    first = f"sweep {sweep.name} is {sweep.state}{f': {sweep.reason}' if sweep.reason else ''}"
    done = f"{shot.done} of {most} runs done" if most else f"{shot.done} runs done"
    return [f"{first}, {done}", *say_missing(sweep, shot.workers, private=shot.is_private)]


def _pictures(watch: Watch, picture: Picture) -> Iterator[Picture]:
    """Yield the sweep as it stands, again and again, until it is over; an outage is told once, and waited for."""
    is_away = False
    yield picture
    while not picture.shot.sweep.is_finished:
        time.sleep(LOOK_SECONDS)
        try:
            picture = watch.look()
        except StoreUnreachable as reason:
            if not is_away:
                print(f"{reason}; trying again", file=sys.stderr)
            is_away = True
            continue
        is_away = False
        yield picture
