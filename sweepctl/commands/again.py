"""The commands that do runs again: retry, rescore."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sweepctl.commands.options import (
    AsJson,
    ConfigDir,
    DataDir,
    Overrides,
    Redis,
    SweepName,
    named,
    print_json,
    split_off_sweep,
    the_store,
)


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
    from shared.control.missing import say_missing
    from shared.control.retry import retry_failed, retry_run
    from shared.domain.errors import ConfigError

    if target is None and not failed:
        raise ConfigError("no run is named: name one, such as mysweep.r.7, or add --failed")
    with the_store(data_dir, redis) as store:
        done = retry_failed(store, named(store, target)) if failed else retry_run(store, target or "")
        missing = say_missing(done.sweep, store.fleet.live(), private=store.is_private)
        private = store.is_private
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
    it = "it" if len(done.runs) == 1 else "them"
    if missing:
        print(f"`sweepctl up` starts workers that take {it} up" if private else "\n".join(missing))
    elif done.sweep.state != "paused":
        print(f"its workers take {it} up at once")


def rescore(
    sweep: SweepName = None,
    overrides: Overrides = None,
    sim: Annotated[str | None, typer.Option(help="The suite: a config of the group sim.")] = None,
    name: Annotated[str | None, typer.Option("--as", help="Name of the new sweep; else SWEEP-SIM.")] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Leave it to the workers of the fleet.")] = False,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Score all runs of a sweep anew with another suite, without any training.

    Makes a sweep of its own out of their checkpoints, and evaluates them here, or with --submit on the fleet. What the
    trainings cost is kept. Failed runs and those without a checkpoint are left out. Once it is finished,
    `sweepctl set NEW budget.max_runs=N` lets the search go on from there.

    Example: sweepctl rescore mysweep sim.num_episodes=100
    """
    from pathlib import Path

    from shared.control.compose import doubts
    from shared.control.rescore import rescore as rescore_sweep
    from shared.control.rescore import rescoring_job
    from shared.control.submit import Submitted
    from sweepctl.views.progress import progress_of
    from sweepctl.views.session import follow_to_the_end, say_what_is_next

    sweep, given = split_off_sweep(sweep, overrides)
    here = data_dir.absolute() if data_dir else None
    with the_store(data_dir, redis, "join" if submit else "start") as store:
        old = store.sweeps.get(named(store, sweep))
        job = rescoring_job(old, given, sim=sim, name=name, config_dir=config_dir, data_dir=here)
        for note in doubts(job, Path(job.data_dir)):
            print(f"note: {note}", file=sys.stderr)
        with progress_of("copying checkpoints", as_json=as_json) as tell:
            done = rescore_sweep(store, old, job, here=here, tell=tell)
        for run, why in done.left_out:
            print(f"note: {run} is left out: {why}", file=sys.stderr)
        if not submit:
            raise typer.Exit(follow_to_the_end(store, job, Path(job.data_dir), as_json=as_json))
        if as_json:
            print_json(done.to_json())
        else:
            say_what_is_next(store, Submitted(done.sweep, existed=done.existed))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (retry, rescore):
        app.command()(command)
