"""The commands that draw: report, dashboard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, SweepName, folder, named, print_json, the_store


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
    from shared.control.write import check_output
    from sweepctl.report.collect import collect
    from sweepctl.views.progress import progress_of

    check_output(output)
    with the_store(data_dir, redis) as store, progress_of("collecting", as_json=as_json) as on_step:
        material = collect(store, named(store, sweep), on_step=on_step)
    if as_json:
        from sweepctl.report.numbers import numbers_of

        print_json(numbers_of(material))
    if output or not as_json:
        from sweepctl.report.write import write_report

        path = output or Path(f"{material.sweep.name}.html")
        size = write_report(material, path)
        if not as_json:
            print(f"{path} ({size / 1e6:.1f} MB): open it in a browser")


def dashboard(
    sweeps: Annotated[list[str] | None, typer.Argument(help="The sweeps; left out: all.", metavar="SWEEP")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any that is free.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on. There is no password.")] = "127.0.0.1",
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Show sweeps in optuna-dashboard, which changes nothing.

    History, importance, parallel coordinates, slices, timeline, and every run, as they are at the moment. Sweeps are
    studies there, and runs trials. Needs pip install 'protein-sweeps[dashboard]'. Ctrl-C ends it.

    Example: sweepctl dashboard mysweep --port 8081
    """
    from shared.local.dashboard import serve_dashboard

    with (
        the_store(data_dir, redis) as store,
        serve_dashboard(store, sweeps or [], host=host, port=port, data_dir=folder(data_dir)) as shown,
    ):
        if as_json:
            print_json(shown.to_json())
        else:
            print(f"dashboard  {shown.url}  (read-only; Ctrl-C ends it)")
            print(f"Flower     {shown.flower or 'none of this folder: `sweepctl up --flower` starts one'}")
            for name, link in shown.wandb.items():
                print(f"W&B        {link}  ({name})")
        sys.stdout.flush()
        if host not in ("127.0.0.1", "localhost", "::1"):
            print(f"note: whoever reaches {host} can read the sweeps: there is no password", file=sys.stderr)
        raise typer.Exit(shown.wait())


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (report, dashboard):
        app.command()(command)
