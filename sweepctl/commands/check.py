"""The command that tries a sweep before it starts: check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweepctl.commands.options import (
    AsJson,
    ConfigDir,
    DataDir,
    Name,
    Overrides,
    Pin,
    Redis,
    composed,
    folder,
    print_json,
)
from sweepctl.panels import START

if TYPE_CHECKING:
    from shared.config.schema import SweepJob
    from shared.control.findings import Finding

Seconds = Annotated[float, typer.Option(min=1, help="Longest time that the run trains (seconds).")]
NoRun = Annotated[bool, typer.Option("--no-run", help="Check without a run: nothing is trained.")]


def check(
    name: Name = None,
    overrides: Overrides = None,
    seconds: Seconds = 120,
    no_run: NoRun = False,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    pin: Pin = False,
    as_json: AsJson = False,
) -> None:
    """Try a sweep before you spend GPU time on it.

    Checks the config and the search space. Then trains one short run on this machine, in a store of its own, and kills
    it once to see whether it resumes from its checkpoint. With REDIS_URL it also checks the workers of the fleet. Each
    finding is one line with its remedy. The exit code is 1 if a check fails.

    Example: sweepctl check quick trainer.total_timesteps=50000
    """
    job = composed(name, overrides, config_dir=config_dir, data_dir=folder(data_dir), pin=pin)
    findings = []
    for finding in _examine(job, folder(data_dir), redis, seconds=0 if no_run else seconds, as_json=as_json):
        findings.append(finding)
        if not as_json:
            print("\n".join(finding.lines()), flush=True)
    if as_json:
        print_json([finding.to_json() for finding in findings])
    raise typer.Exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)


def _examine(job: SweepJob, data_dir: Path, redis: str | None, *, seconds: float, as_json: bool) -> Iterator[Finding]:
    from shared.local.check import check_code, check_config, check_fleet, check_run
    from sweepctl.views.progress import progress_of

    yield from check_config(job, data_dir)
    if seconds:
        print(f"note: training a short run on this machine, {seconds:g} s at most", file=sys.stderr)
        with progress_of("training", as_json=as_json) as on_step:
            tried = check_run(job, seconds=seconds, on_step=on_step)
        yield from tried
    else:
        yield from check_code(job)
    yield from check_fleet(job, data_dir, redis)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel=START)(check)
