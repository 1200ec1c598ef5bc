"""The commands that write a sweep of your own: init, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, print_json, print_notes
from sweepctl.panels import START


def init(
    kind: Annotated[
        str | None,
        typer.Argument(help="function, command, ppo or wandb (default: list the kinds).", metavar="KIND"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the files and of the sweep.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a new sweep of your own: training code and configs.

    The files go to the current folder: training code that runs without changes, the config of its trainer, and the
    config of the sweep. Existing files are never overwritten.

    Example: sweepctl init function --name mymodel
    """
    from shared.control.init import KINDS, next_commands, plan
    from shared.control.write import write_new

    if kind is None and as_json:
        print_json([{"kind": kind, "what": known.what} for kind, known in KINDS.items()])
        return
    if kind is None:
        for each, known in KINDS.items():
            print(f"{each:<9} {known.what}")
        if not _is_terminal():
            print("next      sweepctl init KIND")
            return
        kind = typer.prompt("kind", default="function")
    files = plan(kind, name)
    write_new(files, option="--name, or another folder")
    code, *_, sweep = files
    if as_json:
        print_json({"kind": kind, "name": sweep.stem, "files": [str(file) for file in files]})
        return
    print(f"wrote {', '.join(map(str, files))}\n{code} runs without changes; replace its training with your own; next:")
    for command, what in next_commands(sweep.stem):
        print(f"  {command:<28} {what}")


def import_sweep(
    source: Annotated[str, typer.Argument(help="Kind of the sweep file: wandb.", metavar="SOURCE")],
    file: Annotated[Path, typer.Argument(help="Sweep file (YAML).", metavar="FILE")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Sweep config to write (default: configs/sweep/FILE.yaml)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    as_json: AsJson = False,
) -> None:
    """Convert a sweep file of Weights & Biases to a sweep config.

    This writes the sweep, and the config of a trainer that starts your script. It prints what it could not convert,
    and the command that runs the sweep.

    Example: sweepctl import wandb sweep.yaml
    """
    from shared.control.import_sweep import import_file

    done = import_file(source, file, output, force=force)
    if as_json:
        print_json(done.to_json())
        return
    print_notes(done.notes)
    print(f"wrote {done.sweep}, {done.trainer}\nnext  {done.command}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel=START)(init)
    app.command("import", rich_help_panel=START)(import_sweep)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
