"""The commands that draw: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, SweepName, named, print_json, the_store


def report(
    sweep: SweepName = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else SWEEP.html.")] = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Draw a sweep as one HTML page that opens without a network.

    Best configuration, score over time and against cost, importance, slices, curves, failures, work of the workers.
    With --json the numbers are printed, and a page is written only where -o says so.

    Example: sweepctl report mysweep -o mysweep.html
    """
    from sweepctl.actions.report import collect, write_report
    from sweepctl.views.progress import progress_of

    with the_store(data_dir, redis) as store, progress_of("collecting", as_json=as_json) as tell:
        material = collect(store, named(store, sweep), tell=tell)
    if as_json:
        from sweepctl.views.report.numbers import numbers_of

        print_json(numbers_of(material))
    if output or not as_json:
        place = output or Path(f"{material.sweep.name}.html")
        size = write_report(material, place)
        if not as_json:
            print(f"{place} ({size / 1e6:.1f} MB): open it in a browser")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(report)
