"""The commands for the set-up: doctor."""

from __future__ import annotations

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, folder, print_json


def doctor(data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Check this machine and its store.

    One line for each finding, with the remedy. The exit code is 1 if any fails.

    Example: sweepctl doctor --redis redis://head:6379/0
    """
    from shared.local.doctor import examine

    findings = examine(folder(data_dir), redis)
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            print("\n".join(finding.lines()))
    raise typer.Exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)
