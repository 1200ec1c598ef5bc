"""The commands that do runs again: retry."""

from __future__ import annotations

from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, named, print_json, the_store


def retry(
    target: Annotated[
        str | None, typer.Argument(help="The run; with --failed the sweep, or nothing for the latest.", metavar="RUN")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failed runs of a sweep.")] = False,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Try a failed or cancelled run again, from its last checkpoint.

    It keeps its id, and its failure is forgotten once it has a score. A finished sweep goes on for it; a paused one
    waits until it is resumed.

    Example: sweepctl retry mysweep.r.7
    """
    from sweepctl.actions.missing import say_missing
    from sweepctl.actions.retry import retry_failed, retry_run

    if target is None and not failed:
        raise typer.BadParameter("name a run, such as mysweep.r.7, or add --failed")
    with the_store(data_dir, redis) as store:
        done = retry_failed(store, named(store, target)) if failed else retry_run(store, target or "")
        missing = say_missing(done.sweep, store.fleet.live())
    if as_json:
        print_json(done.to_json())
        return
    for run in done.runs:
        print(f"{run.id} is queued again, from {f'step {run.steps}' if run.checkpoint else 'its start'}")
    name = done.sweep.name
    if done.was_finished:
        print(f"sweep {name} was finished, and is {done.sweep.state} again")
    if done.sweep.state == "paused":
        print(f"sweep {name} is paused: {done.sweep.reason}: `sweepctl resume {name}` lets it go on")
    if missing:
        print(f"it goes on as soon as its workers live: `sweepctl run` with its config and sweep_run={name}, or start")
        print("the workers")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(retry)
