"""The commands that draw a sweep: report, dashboard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, SweepName, folder, print_json, print_notes, the_store
from sweepctl.panels import AFTER, LOOK

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def report(
    sweep: SweepName = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write (default: SWEEP.html).")] = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Write a sweep as one HTML page with plots.

    The page shows the best configuration, score over time and against cost, importance, slices, curves, failures and
    the work of the workers; it needs no network. With --json the numbers are printed, and a page is written only with
    --output.

    Example: sweepctl report mysweep -o mysweep.html
    """
    from shared.control.named import sweep_named
    from shared.control.write import check_output
    from sweepctl.report.collect import collect
    from sweepctl.views.progress import progress_of

    check_output(output)
    with the_store(data_dir, redis) as store, progress_of("collecting", as_json=as_json) as on_step:
        material = collect(store, sweep_named(store, sweep).name, on_step=on_step)
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
    sweeps: Annotated[list[str] | None, typer.Argument(help="Sweep names (default: all).", metavar="SWEEP")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on (0: any free port).")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on (there is no password).")] = "127.0.0.1",
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Show sweeps in optuna-dashboard (read-only).

    History, importance, parallel coordinates, slices, timeline, and all runs. The pages follow the sweeps while they
    run. In the dashboard a sweep is called a study, and a run a trial. Install it with
    pip install 'protein-sweeps[dashboard]'. Press Ctrl-C to end it.

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
            print(f"dashboard  {shown.url}  (read-only; press Ctrl-C to end it)")
            print(f"Flower     {shown.flower or 'not running in this folder; start it with `sweepctl up --flower`'}")
            for name, link in shown.wandb.items():
                print(f"W&B        {link}  ({name})")
        sys.stdout.flush()
        if host not in THIS_MACHINE:
            print_notes([f"everybody who reaches {host} can read the sweeps: there is no password"])
        raise typer.Exit(shown.wait())


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel=AFTER)(report)
    app.command(rich_help_panel=LOOK)(dashboard)
