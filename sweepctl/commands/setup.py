"""The commands for the set-up: config, doctor."""

from __future__ import annotations

import sys

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
from sweepctl.panels import SET_UP


def config(
    name: Name = None,
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    pin: Pin = False,
    as_json: AsJson = False,
) -> None:
    """Print the composed and validated config of a sweep.

    Nothing is started. The exit code is 2 if the config is not valid.

    Example: sweepctl config full +hardware=macbook
    """
    from shared.config.frozen import to_plain, to_yaml
    from shared.config.secrecy import mask_secrets

    job = composed(name, overrides, config_dir=config_dir, data_dir=data_dir, pin=pin)
    if as_json:
        print_json(mask_secrets(to_plain(job)))
    else:
        sys.stdout.write(to_yaml(job))


def doctor(data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Check this machine and its store.

    Each finding is one line with its remedy. The exit code is 1 if a check fails.

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
    """Register the commands."""
    for command in (config, doctor):
        app.command(rich_help_panel=SET_UP)(command)
