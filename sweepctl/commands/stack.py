"""The commands for the workers: up, down, workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, folder, print_json, the_store
from sweepctl.panels import FLEET

if TYPE_CHECKING:
    from shared.local.stack import Stack


def up(
    slots: Annotated[int | None, typer.Option(min=1, help="Runs at once (default: SWEEP_SLOTS).")] = None,
    flower: Annotated[bool, typer.Option("--flower", help="Start Flower, too, with a password.")] = False,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Start the workers of this machine in the background.

    They use a private Redis, or the store at REDIS_URL. They carry out the sweeps that you submit in this folder until
    `sweepctl down`. A worker that dies is started again. Your own code is imported from the current folder.

    Example: sweepctl up --slots 2 --flower
    """
    from shared.control.stores import masked
    from shared.local.stack import Options, bring_up, differences
    from sweepctl.views.progress import steps_of
    from sweepctl.views.stack import stack_view

    options = Options(data_dir=str(folder(data_dir)), slots=slots, flower=flower)
    with steps_of(as_json=as_json) as on_step:
        found, started = bring_up(options, redis, on_step=on_step)
    if as_json:
        print_json(stack_json(found, started=started))
    else:
        print(stack_view(found, masked(found.url), started=started, lacks=differences(found, options)))


def stack_json(stack: Stack, *, started: bool) -> dict[str, Any]:
    """Return a stack as plain data, without the password of its store."""
    from shared.control.stores import masked

    return {"started": started, **stack.model_dump(), "url": masked(stack.url)}


def down(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Shut down the workers that `sweepctl up` started.

    Runs in progress write a checkpoint and return to the queue. The next `sweepctl up` continues them.

    Example: sweepctl down
    """
    from shared.local.stack_down import bring_down
    from sweepctl.views.progress import steps_of
    from sweepctl.views.stack import down_view

    with steps_of(as_json=as_json) as on_step:
        ended = bring_down(folder(data_dir), on_step=on_step)
    if as_json:
        print_json(ended.to_json())
    else:
        print(down_view(ended, folder(data_dir)))


def workers(data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """List the running workers.

    Example: sweepctl workers
    """
    from shared.control.workers import running_workers

    with the_store(data_dir, redis) as store:
        found = running_workers(store)
    if as_json:
        print_json(found.to_json())
        return
    from sweepctl.views.screen import screen
    from sweepctl.views.workers import workers_table

    screen().print(workers_table(found))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (up, down, workers):
        app.command(rich_help_panel=FLEET)(command)
