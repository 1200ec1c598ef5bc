"""The commands that start a sweep: run, submit, rollout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
    print_notes,
    the_store,
)
from sweepctl.panels import START

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

    Starts a private Redis and three workers, and shows the sweep while it runs. To resume a sweep, run it again with
    the same sweep_run. If other workers already run the sweep, this command only shows it.

    Example: sweepctl run quick budget.max_runs=20
    """
    from sweepctl.commands.session import follow_to_the_end

    job = _examined(name, overrides, config_dir=config_dir, data_dir=data_dir, pin=pin)
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
    """Submit a sweep to the workers of a fleet.

    Checks the config, writes the sweep to the store at REDIS_URL, and prints what to do next.

    Example: REDIS_URL=redis://head:6379/0 sweepctl submit full +hardware=gpu
    """
    from shared.control.submit import submit as submit_job
    from sweepctl.commands.session import print_what_is_next

    job = _examined(name, overrides, config_dir=config_dir, data_dir=data_dir, pin=pin)
    with the_store(data_dir, redis, "join") as store:
        submitted = submit_job(store, job)
        if as_json:
            sweep = submitted.sweep
            print_json({"sweep": sweep.name, "state": sweep.state, "existed": submitted.existed})
        else:
            print_what_is_next(store, submitted)


def rollout(
    name: Name = None,
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    pin: Pin = False,
) -> None:
    """Carry out a single run and print its log.

    One suggestion is trained and evaluated on this machine. The exit code is 1 if the run fails.

    Example: sweepctl rollout quick trainer.total_timesteps=50000
    """
    from sweepctl.commands.session import stream_one_run

    one = [*(overrides or []), "budget.max_runs=1", "parallelism=1", "look_ahead=0"]
    job = _examined(name, one, config_dir=config_dir, data_dir=data_dir, pin=pin)
    with the_store(data_dir, redis, "start") as store:
        raise typer.Exit(stream_one_run(store, job, folder(data_dir)))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (run, submit, rollout):
        app.command(rich_help_panel=START)(command)


def _examined(
    name: str | None, overrides: list[str] | None, *, config_dir: Path | None, data_dir: Path | None, pin: bool
) -> SweepJob:
    """Compose the job and, before anything is written, check what else it needs; print what may fail later."""
    from shared.control.compose import doubts

    job = composed(name, overrides, config_dir=config_dir, data_dir=folder(data_dir), pin=pin)
    print_notes(doubts(job, folder(data_dir)))
    return job
