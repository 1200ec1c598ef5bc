"""The commands that steer a sweep: pause, resume, stop, cancel, enqueue, set."""

from __future__ import annotations

from typing import Annotated

import typer

from sweepctl.commands.options import AsJson, DataDir, Redis, RunId, SweepName, print_json, the_store
from sweepctl.panels import ACT


def pause(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Pause a sweep: no new runs start.

    Runs in progress continue.

    Example: sweepctl pause mysweep
    """
    from shared.control.named import sweep_named
    from shared.control.steer import pause_sweep

    with the_store(data_dir, redis) as store:
        moved = pause_sweep(store, sweep_named(store, sweep).name)
    _print_state(moved.name, moved.state, f"no new runs start; continue with `sweepctl resume {moved.name}`", as_json)


def resume(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Resume a paused or stopping sweep.

    Example: sweepctl resume mysweep
    """
    from shared.control.missing import missing_for
    from shared.control.named import sweep_named
    from shared.control.steer import resume_sweep

    with the_store(data_dir, redis) as store:
        moved = resume_sweep(store, sweep_named(store, sweep).name)
        missing = missing_for(store, moved)
    _print_state(moved.name, moved.state, "; ".join(["new runs start", *missing]), as_json)


def stop(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Stop a sweep after the runs in progress.

    Example: sweepctl stop mysweep
    """
    from shared.control.named import sweep_named
    from shared.control.steer import stop_sweep

    with the_store(data_dir, redis) as store:
        moved = stop_sweep(store, sweep_named(store, sweep).name)
    _print_state(moved.name, moved.state, "no new runs start; runs in progress continue to their end", as_json)


def enqueue(
    sweep: Annotated[str, typer.Argument(help="Sweep name.", metavar="SWEEP")],
    params: Annotated[
        list[str], typer.Argument(help="Parameters, key=value; the others take the search centre.", metavar="PARAMS")
    ],
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Choose the parameters of the next run.

    Parameters that you do not name take the value of the search centre. The run counts in the budget.

    Example: sweepctl enqueue mysweep trainer.optimizer.learning_rate=3e-4
    """
    from shared.control.steer import enqueue_run

    with the_store(data_dir, redis) as store:
        asked = enqueue_run(store, sweep, params)
    if as_json:
        print_json({"name": sweep, "params": asked})
    else:
        print(f"next run of {sweep}: {' '.join(f'{key}={value}' for key, value in asked.items())}")


def set_limits(
    sweep: Annotated[str, typer.Argument(help="Sweep name.", metavar="SWEEP")],
    settings: Annotated[list[str], typer.Argument(help="New values, key=value.", metavar="SETTINGS")],
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Change the budget or the parallelism of a sweep.

    The keys are those of a config: budget.max_runs, budget.max_cost, budget.max_hours, budget.target_score,
    parallelism, look_ahead, max_consecutive_failures, max_stuck_attempts. Runs in progress are not affected.
    A finished sweep continues if its new budget has room for another run.

    Example: sweepctl set mysweep budget.max_runs=50 parallelism=4
    """
    from shared.control.steer import change_limits

    with the_store(data_dir, redis) as store:
        moved = change_limits(store, sweep, settings)
    if as_json:
        print_json({"name": moved.name, "state": moved.state, "limits": moved.limits.model_dump()})
    else:
        why = f" ({moved.reason})" if moved.reason else ""
        print(f"sweep {moved.name}: {', '.join(settings)}; state: {moved.state}{why}")


def cancel(run: RunId, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Cancel one run.

    A run in progress ends at the next heartbeat of its worker.

    Example: sweepctl cancel mysweep.r.7
    """
    from shared.control.steer import cancel_run

    with the_store(data_dir, redis) as store:
        moved = cancel_run(store, run)
    if as_json:
        print_json({"name": moved.id, "state": "cancel requested" if moved.owner else "cancelled"})
    elif moved.owner:
        print(f"run {moved.id}: cancel requested; its worker ends it at the next heartbeat")
    else:
        print(f"run {moved.id} is cancelled: it will not be trained")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (pause, resume, stop, cancel, enqueue):
        app.command(rich_help_panel=ACT)(command)
    app.command("set", rich_help_panel=ACT)(set_limits)


def _print_state(name: str, state: str, text: str, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "state": state})
    else:
        print(f"sweep {name} is {state}: {text}")
