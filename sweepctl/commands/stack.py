"""The commands for the stack of one machine in the background: up, down."""

from __future__ import annotations

from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, folder, print_json


def up(
    slots: Annotated[int | None, typer.Option(min=1, help="Runs at once; as SWEEP_SLOTS.")] = None,
    flower: Annotated[bool, typer.Option("--flower", help="Flower beside the workers, with a password.")] = False,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Start the workers of this machine in the background, with a private Redis.

    One that dies is started again. Sweeps that are submitted in the same folder are carried out by them, until
    `sweepctl down`. With REDIS_URL they join that store. The code of your own is imported from the current folder.

    Example: sweepctl up --slots 2 --flower
    """
    from shared.local.stack import Options, bring_up, differences
    from sweepctl.views.stack import spinner, stack_json, stack_view

    options = Options(data_dir=str(folder(data_dir)), slots=slots, flower=flower)
    with spinner(as_json=as_json) as tell:
        found, started = bring_up(options, redis, tell=tell)
    if as_json:
        print_json(stack_json(found, started=started))
    else:
        print(stack_view(found, started=started, lacks=differences(found, options)))


def down(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """End what `sweepctl up` started.

    Runs in progress write a checkpoint and are handed back; they go on with the next `sweepctl up`.

    Example: sweepctl down
    """
    from shared.local.stack_down import bring_down
    from sweepctl.views.stack import down_view, spinner

    with spinner(as_json=as_json) as tell:
        ended = bring_down(folder(data_dir), tell=tell)
    if as_json:
        print_json(ended.to_json())
    else:
        print(down_view(ended, folder(data_dir)))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (up, down):
        app.command()(command)
