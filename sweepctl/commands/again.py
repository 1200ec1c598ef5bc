"""The commands that repeat work, or bring it back: retry, rescore, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweepctl.commands.options import (
    AsJson,
    ConfigDir,
    DataDir,
    Overrides,
    Redis,
    SweepName,
    print_json,
    print_notes,
    split_off_sweep,
    the_store,
)
from sweepctl.panels import ACT, AFTER


def retry(
    target: Annotated[
        str | None, typer.Argument(help="Run id; with --failed, sweep name (default: latest).", metavar="RUN")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Retry all failed runs of the sweep.")] = False,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Queue a failed or cancelled run again.

    The run keeps its id and continues from its last checkpoint. A finished sweep continues for this run; in a paused
    sweep the run waits until you resume the sweep.

    Example: sweepctl retry mysweep.r.7
    """
    from shared.control.missing import missing_for
    from shared.control.named import sweep_named
    from shared.control.retry import retry_failed, retry_run
    from shared.domain.errors import ConfigError
    from sweepctl.views.retried import retried_view

    if target is None and not failed:
        raise ConfigError("RUN is missing: name a run, such as mysweep.r.7, or add --failed")
    with the_store(data_dir, redis) as store:
        done = retry_failed(store, sweep_named(store, target).name) if failed else retry_run(store, target or "")
        missing = missing_for(store, done.sweep)
    if as_json:
        print_json(done.to_json())
    else:
        print(retried_view(done, missing))


def rescore(
    sweep: SweepName = None,
    overrides: Overrides = None,
    sim: Annotated[str | None, typer.Option(help="Evaluation suite: a config of the group sim.")] = None,
    name: Annotated[str | None, typer.Option("--as", help="Name of the new sweep (default: SWEEP-SIM).")] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Evaluate on the fleet, not on this machine.")] = False,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Score the trained runs again with another evaluation suite.

    This makes a new sweep from the checkpoints of the runs and evaluates them; nothing is trained. The cost of each
    training is kept. Failed runs and runs without a checkpoint are left out. To search on from the new scores, run
    `sweepctl set NEW budget.max_runs=N` when the new sweep is finished.

    Example: sweepctl rescore mysweep sim.num_episodes=100
    """
    from shared.control.compose import doubts
    from shared.control.named import sweep_named
    from shared.control.rescore import rescore as rescore_sweep
    from shared.control.rescore import rescoring_job
    from shared.control.submit import Submitted
    from sweepctl.commands.session import follow_to_the_end, print_what_is_next
    from sweepctl.views.progress import progress_of

    sweep, given = split_off_sweep(sweep, overrides)
    here = data_dir.absolute() if data_dir else None
    with the_store(data_dir, redis, "join" if submit else "start") as store:
        old = sweep_named(store, sweep)
        job = rescoring_job(old, given, sim=sim, name=name, config_dir=config_dir, data_dir=here)
        print_notes(doubts(job, Path(job.data_dir)))
        with progress_of("copying checkpoints", as_json=as_json) as on_step:
            done = rescore_sweep(store, old, job, here=here, on_step=on_step)
        print_notes(f"{run} is left out: {why}" for run, why in done.left_out)
        if not submit:
            raise typer.Exit(follow_to_the_end(store, job, Path(job.data_dir), as_json=as_json))
        if as_json:
            print_json(done.to_json())
        else:
            print_what_is_next(store, Submitted(done.sweep, existed=done.existed))


def restore(
    place: Annotated[Path, typer.Argument(help="Folder of a sweep: DATA_DIR/sweep/SWEEP.", metavar="FOLDER")],
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild a sweep from its folder after the store was lost.

    Runs keep their ids, parameters, scores, costs and checkpoints. Runs that were in progress continue from their last
    checkpoint.

    Example: sweepctl restore train_dir/sweep/mysweep
    """
    from shared.control.restore import restore as restore_sweep
    from sweepctl.views.progress import progress_of
    from sweepctl.views.session import restored_lines

    usual = place.absolute().parents[1] if place.absolute().parent.name == "sweep" else None
    with the_store(data_dir or usual, redis, "start") as store, progress_of("restoring", as_json=as_json) as on_step:
        back = restore_sweep(store, place, on_step=on_step)
    if as_json:
        print_json({"sweep": back.sweep.name, "state": back.sweep.state, "runs": back.runs, "unknown": back.unknown})
    else:
        print("\n".join(restored_lines(back)))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel=ACT)(retry)
    for command in (rescore, restore):
        app.command(rich_help_panel=AFTER)(command)
