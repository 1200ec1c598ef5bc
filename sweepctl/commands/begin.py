"""The commands for a sweep of one's own: init, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, print_json


def init(
    kind: Annotated[
        str | None, typer.Argument(help="function, command, ppo or wandb; left out: say what they are.", metavar="KIND")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the files and the sweep are called.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a starting point for your own sweep into this folder.

    Training code that runs as it stands, the config of its trainer, and the sweep. Nothing is ever overwritten.

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
        kind = typer.prompt("which", default="function")
    files = plan(kind, name)
    write_new(files, option="--name, or another folder")
    code, *_, sweep = files
    if as_json:
        print_json({"kind": kind, "name": sweep.stem, "files": [str(file) for file in files]})
        return
    print(f"wrote {', '.join(map(str, files))}\n{code} runs as it stands, and is where your own code goes; next:")
    for command, what in next_commands(sweep.stem):
        print(f"  {command:<28} {what}")


def import_sweep(
    source: Annotated[str, typer.Argument(help="Whose file it is: wandb.", metavar="SOURCE")],
    file: Annotated[Path, typer.Argument(help="The sweep file, YAML.", metavar="FILE")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The sweep to write; else configs/sweep/<FILE>.yaml."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn a sweep file of Weights & Biases into a sweep of this package.

    Writes the sweep, and beside it the trainer that starts the script. Says what could not be carried over, and the
    command that runs it.

    Example: sweepctl import wandb sweep.yaml
    """
    from shared.control.import_sweep import import_file

    done = import_file(source, file, output, force=force)
    if as_json:
        print_json(done.to_json())
        return
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"wrote {done.sweep}, {done.trainer}\nnext  {done.command}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(init)
    app.command("import")(import_sweep)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
