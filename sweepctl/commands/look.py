"""The commands that show a sweep or a run: status, runs, show, logs, best, why, replay, export, audit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweepctl.commands.options import (
    AnyRun,
    AsJson,
    ConfigDir,
    DataDir,
    Redis,
    SweepName,
    json_text,
    print_json,
    print_notes,
    split_off_sweep,
    the_store,
)
from sweepctl.panels import AFTER, LOOK

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_RUNS = 100
State = Annotated[str | None, typer.Option(help="Only runs in this state: queued, training, observed, failed, ...")]


def status(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Show the state of a sweep.

    Progress, forecast, the runs in flight, the best configuration so far, and which workers are missing.

    Example: sweepctl status mysweep --json
    """
    from shared.control.named import sweep_named
    from shared.control.snapshot import take_snapshot

    with the_store(data_dir, redis) as store:
        shot = take_snapshot(store, sweep_named(store, sweep).name)
    if as_json:
        print_json(shot.to_json())
        return
    from shared.control.agreement import other_code
    from shared.control.missing import say_missing
    from sweepctl.views.live import render

    missing = say_missing(shot.sweep, shot.workers, private=shot.is_private)
    _print_view(render(shot, [*missing, *other_code(shot.workers, shot.sweep)]))


def runs(
    sweep: SweepName = None,
    state: State = None,
    everything: Annotated[bool, typer.Option("--all", help="List all runs, each on one long line.")] = False,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """List the runs of a sweep.

    Of more than 100 runs the newest 100 are listed. --all and --json list all of them, with all parameters.

    Example: sweepctl runs mysweep --state failed
    """
    from shared.control.named import sweep_named
    from shared.control.results import list_runs
    from shared.control.snapshot import describe

    with the_store(data_dir, redis) as store:
        found = sweep_named(store, sweep)
        listed = list_runs(store, found.name, state, newest=None if everything or as_json else MOST_RUNS)
    if as_json:
        print_json([describe(run, found) for run in listed.runs])
        return
    from sweepctl.views.runs import runs_lines, runs_table

    if everything and listed.runs:
        sys.stdout.writelines(f"{line}\n" for line in runs_lines(listed.runs))
        return
    _print_view(runs_table(listed.runs, found, state=state, older=listed.older))


def show(run: AnyRun = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Show everything about one run.

    Parameters, prediction and outcome, the rank of its configuration, every attempt, its files, and the end of its log
    if it failed.

    Example: sweepctl show mysweep.r.7
    """
    from shared.control.named import latest_run
    from shared.control.results import run_details

    with the_store(data_dir, redis) as store:
        details = run_details(store, run or latest_run(store))
    if as_json:
        print_json(details)
        return
    from sweepctl.views.run import details_view

    _print_view(details_view(details))


def logs(
    run: AnyRun = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Continue with new output, over all attempts, until the run ends.")
    ] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Number of the attempt (default: latest).")] = None,
    data_dir: DataDir = None,
    redis: Redis = None,
) -> None:
    """Print the log of a run.

    Example: sweepctl logs mysweep.r.7 -f
    """
    from shared.control.logs import follow_log
    from shared.control.named import latest_run

    printed = 0
    with the_store(data_dir, redis) as store:
        name = run or latest_run(store)
        for chunk in follow_log(store, name, attempt=attempt, follow=follow):
            printed += sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
    if not printed:
        print_notes([f"the log of run {name} is empty: it has printed nothing"])


def best(
    sweep: SweepName = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="With --train: Hydra overrides of its training.", metavar="OVERRIDES")
    ] = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the whole config, to train with it.")] = False,
    train: Annotated[bool, typer.Option("--train", help="Train it on this machine, outside the sweep.")] = False,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Show the best configuration, or train it.

    Its score is the mean of its runs, with a 95 % interval where the noise is known. The next best configurations and
    a plot of score over cost follow. --train trains the best configuration once more with another seed and prints the
    log; overrides change this training, for example its length or its name (sweep_run=NAME). The sweep itself does not
    change.

    Example: sweepctl best mysweep --train trainer.total_timesteps=1000000
    """
    from shared.control.named import sweep_named
    from shared.control.results import require_best, standings
    from shared.control.snapshot import describe_best
    from shared.domain.errors import ConfigError

    if as_yaml and as_json:
        raise ConfigError("--yaml and --json cannot be combined: leave one of them out")
    sweep, given = split_off_sweep(sweep, overrides)
    if train:
        raise typer.Exit(_train_best(sweep, given, config_dir=config_dir, data_dir=data_dir, redis=redis, json=as_json))
    if given:
        raise ConfigError(f"{given[0]}: overrides need --train: add it, or leave them out")
    with the_store(data_dir, redis) as store:
        found = sweep_named(store, sweep)
        best, *others = require_best(found.name, standings(store, found))
    if as_yaml:
        from shared.config.frozen import job_of, job_of_run
        from shared.config.frozen import to_yaml as write_yaml

        print(write_yaml(job_of_run(job_of(found), best.run.params)), end="")
        return
    if as_json:
        print_json(describe_best(best.run, found, best.configuration))
        return
    from sweepctl.views.results import summary

    next_steps = [f"sweepctl report {found.name}", f"sweepctl best {found.name} --yaml"]
    _print_view(summary(found, [best, *others], next_steps))


def _train_best(
    sweep: str | None,
    overrides: list[str],
    *,
    config_dir: Path | None,
    data_dir: Path | None,
    redis: str | None,
    json: bool,
) -> int:
    from shared.control.compose import doubts
    from shared.control.named import sweep_named
    from shared.control.results import require_best, standings
    from shared.control.train_best import best_job
    from sweepctl.commands.session import train_the_best

    place = data_dir.absolute() if data_dir else None
    with the_store(data_dir, redis, "start") as store:
        found = sweep_named(store, sweep)
        best, *_ = require_best(found.name, standings(store, found))
        job = best_job(found, best.run, overrides, config_dir=config_dir, data_dir=place)
        print_notes(doubts(job, Path(job.data_dir)))
        print(f"training the best configuration of {found.name} ({best.run.id}) as {job.sweep_run}", file=sys.stderr)
        return train_the_best(store, job, as_json=json)


def export(
    sweep: SweepName = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write (default: stdout).")] = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Export all runs of a sweep as CSV or JSON.

    Another sweep can learn from the CSV table: sweep.warm_start=[runs.csv]. For a run that was stopped early the table
    has the step of the decision (stopped_early) and the length that was trained.

    Example: sweepctl export mysweep -o runs.csv
    """
    from shared.control.named import sweep_named
    from shared.control.observations import as_csv
    from shared.control.results import list_runs
    from shared.control.snapshot import describe
    from shared.control.write import write_output

    with the_store(data_dir, redis) as store:
        found = sweep_named(store, sweep)
        listed = list_runs(store, found.name, None).runs
    text = json_text([describe(run, found) for run in listed]) + "\n" if as_json else as_csv(listed)
    write_output(text, output)


def audit(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Check that no run was lost or counted twice.

    Replays the log of the sweep, compares it with the records, and lists the attempts that were interrupted. The exit
    code is 1 if a rule is broken.

    Example: sweepctl audit mysweep
    """
    from shared.control.audit import audit_json, audit_sweep
    from shared.control.named import sweep_named

    with the_store(data_dir, redis) as store:
        found = audit_sweep(store, sweep_named(store, sweep).name)
    if as_json:
        print_json(audit_json(found))
    else:
        from sweepctl.views.audit import audit_view

        _print_view(audit_view(found))
    raise typer.Exit(1 if found.problems else 0)


def why(run: AnyRun = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Explain why a run was suggested.

    Where the candidate came from, what was predicted, which runs were pending, how it was ranked, and how well the
    prediction fits the outcome.

    Example: sweepctl why mysweep.r.7
    """
    from shared.control.named import latest_run
    from shared.control.why import why as read_why

    with the_store(data_dir, redis) as store:
        found = read_why(store, run or latest_run(store))
    if as_json:
        print_json(found.to_json())
        return
    from sweepctl.views.why import why_view

    _print_view(why_view(found))


def replay(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Check that the log reproduces every suggestion.

    Computes each suggestion of the sweep again and compares it to the bit. The exit code is 1 if one differs: another
    version of this package, other versions of its dependencies, or a machine that computes differently.

    Example: sweepctl replay mysweep
    """
    from shared.control.named import sweep_named
    from shared.local.replay import replay_sweep
    from sweepctl.views.progress import progress_of

    with the_store(data_dir, redis) as store, progress_of("suggesting again", as_json=as_json) as on_step:
        found = replay_sweep(store, sweep_named(store, sweep).name, on_step=on_step)
    if as_json:
        print_json(found.to_json())
    else:
        from sweepctl.views.why import replay_view

        _print_view(replay_view(found.suggestions, found.differing, restored=len(found.untold)))
    raise typer.Exit(1 if found.differing else 0)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (status, runs, show, logs, best, why):
        app.command(rich_help_panel=LOOK)(command)
    for check in (export, audit, replay):
        app.command(rich_help_panel=AFTER)(check)


def _print_view(view: RenderableType) -> None:
    from sweepctl.views.screen import screen

    screen().print(view)
