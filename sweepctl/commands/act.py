"""The commands that steer: pause, resume, stop, cancel, enqueue, set."""

from __future__ import annotations

from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, RunId, SweepName, named, print_json, the_store


def pause(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Let nothing new of a sweep be claimed.

    Runs in progress go on.

    Example: sweepctl pause mysweep
    """
    from shared.control.steer import pause_sweep

    with the_store(data_dir, redis) as store:
        moved = pause_sweep(store, named(store, sweep))
    _say(moved.name, moved.state, "nothing new is claimed: `sweepctl resume` lets it go on", as_json)


def resume(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Let a paused or stopping sweep go on.

    Example: sweepctl resume mysweep
    """
    from shared.control.missing import say_missing
    from shared.control.steer import resume_sweep

    with the_store(data_dir, redis) as store:
        moved = resume_sweep(store, named(store, sweep))
        missing = say_missing(moved, store.fleet.live(), private=store.is_private)
    text = f"it goes on as soon as its workers live: {'; '.join(missing)}" if missing else "it goes on"
    _say(moved.name, moved.state, text, as_json)


def stop(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """End a sweep after the runs in progress.

    Example: sweepctl stop mysweep
    """
    from shared.control.steer import stop_sweep

    with the_store(data_dir, redis) as store:
        moved = stop_sweep(store, named(store, sweep))
    _say(moved.name, moved.state, "no new runs; those in progress end and are observed", as_json)


def enqueue(
    sweep: Annotated[str, typer.Argument(help="Name of the sweep.")],
    params: Annotated[list[str], typer.Argument(help="What to try, key=value; others are taken from the centre.")],
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Try these parameters next.

    Parameters that are not given are taken from the search centre. The run counts in the budget.

    Example: sweepctl enqueue mysweep trainer.optimizer.learning_rate=3e-4
    """
    from shared.control.steer import enqueue_run

    with the_store(data_dir, redis) as store:
        asked = enqueue_run(store, sweep, params)
    if as_json:
        print_json({"name": sweep, "params": asked})
    else:
        print(f"{sweep} tries next: {' '.join(f'{key}={value}' for key, value in asked.items())}")


def set_limits(
    sweep: Annotated[str, typer.Argument(help="Name of the sweep.")],
    settings: Annotated[list[str], typer.Argument(help="What to change, key=value.")],
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Change the budget or the parallelism of a sweep.

    The keys are those of a config: budget.max_runs, budget.max_cost, budget.max_hours, budget.target_score,
    parallelism, look_ahead, max_consecutive_failures, max_stuck_attempts. Runs in progress end as they would have.
    A finished sweep goes on if its new budget has room for another run.

    Example: sweepctl set mysweep budget.max_runs=50 parallelism=4
    """
    from shared.control.steer import change_limits

    with the_store(data_dir, redis) as store:
        moved = change_limits(store, sweep, settings)
    if as_json:
        print_json({"name": moved.name, "state": moved.state, "limits": moved.limits.model_dump()})
    else:
        print(f"{moved.name}: {', '.join(settings)}; it is {moved.state} {moved.reason}".rstrip())


def cancel(run: RunId, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Cancel one run.

    If somebody works on it, it ends at the next heartbeat.

    Example: sweepctl cancel mysweep.r.7
    """
    from shared.control.steer import cancel_run

    with the_store(data_dir, redis) as store:
        moved = cancel_run(store, run)
    text = "its worker was told to end it" if moved.owner else "it will not be trained"
    _say(moved.id, "cancelled" if not moved.owner else "cancel requested", text, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (pause, resume, stop, cancel, enqueue):
        app.command()(command)
    app.command("set")(set_limits)


def _say(name: str, state: str, text: str, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "state": state})
    else:
        print(f"{name} is {state}: {text}")
