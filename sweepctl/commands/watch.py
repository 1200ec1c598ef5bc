"""The command that stays and shows how a sweep goes on."""

from __future__ import annotations

import sys

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, SweepName, named, the_store


def watch(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Watch a sweep on the full screen.

    Its runs, curves and workers; Enter opens a run with its log, q leaves. Watching changes nothing, and survives an
    outage of the store. Without a terminal, or with --json, it prints a line for each run that ends from now on, until
    the sweep does; without --json first how it stands.

    Example: sweepctl watch mysweep
    """
    from shared.control.watching import Watch

    with the_store(data_dir, redis) as store:
        name = named(store, sweep)
    watching = Watch(lambda: the_store(data_dir, redis), name)
    try:
        picture = watching.look()
        if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            from sweepctl.views.watch_lines import watch_lines

            watch_lines(watching, picture, as_json=as_json)
        else:
            from sweepctl.views.watch_app import watch_full_screen

            watch_full_screen(watching, picture)
    finally:
        watching.close()


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(watch)
