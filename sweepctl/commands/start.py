"""The commands that start something: run, submit, rollout, restore, config."""

from __future__ import annotations

import sys
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
    the_store,
)

if TYPE_CHECKING:
    from shared.config.schema import SweepJob


def run(
    name: Name = None,
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    pin: Pin = False,
    as_json: AsJson = False,
) -> None:
    """Run a sweep on this machine, from start to result.

    Embedded Redis, three workers, live view.
    Give the same sweep_run again to resume it; a sweep that runs already is only watched.

    Example: sweepctl run quick budget.max_runs=20 trainer.total_timesteps=1000000
    """
    from sweepctl.views.session import follow_to_the_end

    job = composed(name, overrides, config_dir=config_dir, data_dir=folder(data_dir), pin=pin)
    _examine(job, folder(data_dir))
    with the_store(data_dir, redis, "start") as store:
        raise typer.Exit(follow_to_the_end(store, job, folder(data_dir), as_json=as_json))


def submit(
    name: Name = None,
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    pin: Pin = False,
    as_json: AsJson = False,
) -> None:
    """Start a sweep on the fleet at REDIS_URL.

    Validates, freezes, and says what to do next.

    Example: REDIS_URL=redis://:password@head:6379/0 sweepctl submit full +hardware=gpu
    """
    from shared.control.submit import submit as submit_job
    from sweepctl.views.session import say_what_is_next

    job = composed(name, overrides, config_dir=config_dir, data_dir=folder(data_dir), pin=pin)
    _examine(job, folder(data_dir))
    with the_store(data_dir, redis, "join") as store:
        submitted = submit_job(store, job)
        if as_json:
            sweep = submitted.sweep
            print_json({"sweep": sweep.name, "state": sweep.state, "existed": submitted.existed})
        else:
            say_what_is_next(store, submitted)


def rollout(
    name: Name = None,
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    pin: Pin = False,
) -> None:
    """Carry out one run, end to end.

    Suggest, train, evaluate, with its log on this terminal. The exit code is 1 if it fails.

    Example: sweepctl rollout quick trainer.total_timesteps=50000
    """
    from sweepctl.views.session import stream_one_run

    one = [*(overrides or []), "budget.max_runs=1", "parallelism=1", "look_ahead=0"]
    job = composed(name, one, config_dir=config_dir, data_dir=folder(data_dir), pin=pin)
    _examine(job, folder(data_dir))
    with the_store(data_dir, redis, "start") as store:
        raise typer.Exit(stream_one_run(store, job, folder(data_dir)))


def restore(
    place: Annotated[
        Path, typer.Argument(help="The folder of a sweep: <data_dir>/sweep/<sweep_run>.", metavar="FOLDER")
    ],
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild a sweep from its folder, in a store that has lost it.

    Runs keep their ids, parameters, scores, costs and checkpoints; those in progress go on from their last checkpoint.

    Example: sweepctl restore train_dir/sweep/mysweep
    """
    from shared.control.restore import restore as restore_sweep
    from sweepctl.views.progress import progress_of

    usual = place.absolute().parents[1] if place.absolute().parent.name == "sweep" else None
    with the_store(data_dir or usual, redis, "start") as store, progress_of("restoring", as_json=as_json) as tell:
        back = restore_sweep(store, place, tell=tell)
    if as_json:
        print_json({"sweep": back.sweep.name, "state": back.sweep.state, "runs": back.runs, "unknown": back.unknown})
        return
    left = f"; {back.unknown} that nobody had claimed are cancelled" if back.unknown else ""
    print(f"{back.sweep.name} is back with {back.runs} runs{left}: {back.sweep.state} {back.sweep.reason}".rstrip())
    if not back.sweep.is_finished:
        print("it goes on as soon as its workers live: `sweepctl run` with its config, or start the workers")


def config(
    name: Name = None,
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    pin: Pin = False,
    as_json: AsJson = False,
) -> None:
    """Print the composed, validated config.

    Starts nothing. The exit code is 2 if the config is not valid.

    Example: sweepctl config full +hardware=macbook
    """
    from shared.config.frozen import to_plain, to_yaml
    from shared.config.secrecy import mask_secrets

    job = composed(name, overrides, config_dir=config_dir, data_dir=data_dir, pin=pin)
    if as_json:
        print_json(mask_secrets(to_plain(job)))
    else:
        sys.stdout.write(to_yaml(job))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (run, submit, rollout, restore, config):
        app.command()(command)


def _examine(job: SweepJob, data_dir: Path) -> None:
    """Look at what the sweep needs beside the store, before anything is written; print what may go wrong."""
    from shared.control.compose import doubts

    for note in doubts(job, data_dir):
        print(f"note: {note}", file=sys.stderr)
