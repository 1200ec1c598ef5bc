"""Makes the `celery` command refuse to start if other packages hide ours.

Celery puts the current folder first on `sys.path`. If that folder has a package called `services` or `shared`, Celery
cannot find our app, and its own message does not say why. Celery loads this module as a plugin (the entry point group
`celery.commands`) before it imports an app. For apps that are not ours, this module does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from protein_sweeps._packages import ROOT, celery_path, is_pinned, shadows

APPS = ("services.evaluator", "services.suggester", "services.trainer")


def why_hidden(arguments: Sequence[str], folder: Path) -> str | None:
    """Return why `celery` with these arguments cannot start our app in this folder; None if it can."""
    app = (_option(arguments, "-A", "--app") or "").replace(":", ".")
    if not f"{app}.".startswith(tuple(f"{ours}." for ours in APPS)):
        return None
    here = folder / (_option(arguments, "--workdir") or "")
    found = shadows(celery_path(here))
    return f"celery: {found[0]}; {found[0].remedy(here)}" if found else None


def _option(arguments: Sequence[str], *names: str) -> str | None:
    """Return the value of an option, written as `-A x`, `-Ax`, `--app x` or `--app=x`."""
    for number, argument in enumerate(arguments):
        for name in names:
            if argument == name:
                return next(iter(arguments[number + 1 :]), None)
            if name.startswith("--") and argument.startswith(f"{name}="):
                return argument.removeprefix(f"{name}=")
            if not name.startswith("--") and argument.startswith(name):
                return argument.removeprefix(name)
    return None


@click.command(name="protein-sweeps", hidden=True)
def command() -> None:
    """Print where the packages of protein-sweeps are."""
    click.echo(ROOT)


if not is_pinned() and (why := why_hidden(sys.argv[1:], Path.cwd())):
    print(why, file=sys.stderr)
    raise SystemExit(2)
