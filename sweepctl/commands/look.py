"""The commands that look: status, runs, show, logs, best, why, replay, export, workers, audit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sweepctl.commands.options import (
    AsJson,
    ConfigDir,
    DataDir,
    Redis,
    RunId,
    SweepName,
    json_text,
    named,
    print_json,
    split_off_sweep,
    the_store,
)

MOST_RUNS = 100
State = Annotated[str | None, typer.Option(help="Only runs in this state: queued, training, observed, failed, ...")]


def status(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Show how a sweep stands.

    Progress, the runs in flight, the best so far.

    Example: sweepctl status mysweep --json
    """
    from shared.control.snapshot import take_snapshot

    with the_store(data_dir, redis) as store:
        shot = take_snapshot(store, named(store, sweep))
    if as_json:
        print_json(shot.to_json())
        return
    from shared.control.agreement import other_code
    from shared.control.missing import say_missing
    from sweepctl.views.live import render
    from sweepctl.views.screen import screen

    missing = say_missing(shot.sweep, shot.workers, private=shot.is_private)
    notes = [*missing, *other_code(shot.workers, shot.sweep)]
    screen().print(render(shot, notes))


def runs(
    sweep: SweepName = None,
    state: State = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them, as whole lines.")] = False,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """List the runs of a sweep.

    Of more than 100 the newest; --all lists every one, and so does --json.

    Example: sweepctl runs mysweep --state failed
    """
    from shared.control.results import list_runs
    from shared.control.snapshot import describe

    with the_store(data_dir, redis) as store:
        found = store.sweeps.get(named(store, sweep))
        listed = list_runs(store, found.name, state, newest=None if everything or as_json else MOST_RUNS)
    if as_json:
        print_json([describe(run, found) for run in listed.runs])
        return
    from sweepctl.views.listing import runs_lines, runs_table
    from sweepctl.views.screen import screen

    if everything and listed.runs:
        sys.stdout.writelines(f"{line}\n" for line in runs_lines(listed.runs))
        return
    screen().print(runs_table(listed.runs, found, older=listed.older))


def show(run: RunId, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Show all about one run.

    Parameters, prediction against outcome, where its configuration stands among all, every attempt, its files; of one
    that failed the end of its log.

    Example: sweepctl show mysweep.r.7
    """
    from shared.control.results import run_details

    with the_store(data_dir, redis) as store:
        details = run_details(store, run)
    if as_json:
        print_json(details)
        return
    from sweepctl.views.listing import details_view
    from sweepctl.views.screen import screen

    screen().print(details_view(details))


def logs(
    run: RunId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what it prints, over its next attempts, to its end.")
    ] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt; the newest otherwise.")] = None,
    data_dir: DataDir = None,
    redis: Redis = None,
) -> None:
    """Show what a run printed.

    Example: sweepctl logs mysweep.r.7 -f
    """
    from shared.control.logs import follow_log

    with the_store(data_dir, redis) as store:
        for chunk in follow_log(store, run, attempt=attempt, go_on=follow):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()


def best(
    sweep: SweepName = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="With --train: what to train otherwise.", metavar="OVERRIDES")
    ] = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="The whole best config, to train with.")] = False,
    train: Annotated[bool, typer.Option("--train", help="Train it here, as a rollout outside the sweep.")] = False,
    config_dir: ConfigDir = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Show the best configuration, its runs and its parameters; or train it.

    Its score is the mean of its runs; with it come the bounds of what that is worth, where the noise is known, the
    configurations behind it, and score over cost. With --train it is trained once more, on another
    seed, as a rollout of its own, with its log on this terminal; overrides make that longer, or name it
    (sweep_run=...). The sweep is not touched.

    Example: sweepctl best mysweep --train trainer.total_timesteps=1000000
    """
    from shared.control.results import require_best, standings
    from shared.control.snapshot import describe_best
    from shared.domain.errors import ConfigError

    if as_yaml and as_json:
        raise ConfigError("--yaml and --json: one or the other: leave one out")
    sweep, given = split_off_sweep(sweep, overrides)
    if train:
        raise typer.Exit(_train_best(sweep, given, config_dir=config_dir, data_dir=data_dir, redis=redis, json=as_json))
    if given:
        raise ConfigError(f"{given[0]}: nothing is trained: overrides go with --train")
    with the_store(data_dir, redis) as store:
        found = store.sweeps.get(named(store, sweep))
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
    from sweepctl.views.screen import screen

    next_steps = [f"sweepctl report {found.name}", f"sweepctl best {found.name} --yaml"]
    screen().print(summary(found, [best, *others], next_steps))


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
    from shared.control.results import require_best, standings
    from shared.control.train_best import best_job
    from sweepctl.views.session import train_the_best

    place = data_dir.absolute() if data_dir else None
    with the_store(data_dir, redis, "start") as store:
        found = store.sweeps.get(named(store, sweep))
        best, *_ = require_best(found.name, standings(store, found))
        job = best_job(found, best.run, overrides, config_dir=config_dir, data_dir=place)
        for note in doubts(job, Path(job.data_dir)):
            print(f"note: {note}", file=sys.stderr)
        print(f"training as {best.run.id}, the best of {found.name}; sweep_run={job.sweep_run}", file=sys.stderr)
        return train_the_best(store, job, as_json=json)


def export(
    sweep: SweepName = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; the screen otherwise.")] = None,
    data_dir: DataDir = None,
    redis: Redis = None,
    as_json: AsJson = False,
) -> None:
    """Write all runs of a sweep as a table (CSV), or as JSON.

    Another sweep can learn from the table: sweep.warm_start=[runs.csv]. Of a run that was stopped early it has the step
    of the decision (stopped_early) and the length that was trained.

    Example: sweepctl export mysweep -o runs.csv
    """
    from shared.control.observations import as_csv
    from shared.control.snapshot import describe
    from shared.control.write import write_output

    with the_store(data_dir, redis) as store:
        found = store.sweeps.get(named(store, sweep))
        listed = store.runs.all(found.name)
    text = json_text([describe(run, found) for run in listed]) + "\n" if as_json else as_csv(listed)
    write_output(text, output)


def workers(data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """List the workers that live.

    Example: sweepctl workers
    """
    with the_store(data_dir, redis) as store:
        live, sweeps, private = store.fleet.live(), store.sweeps.live(), store.is_private
    if as_json:
        print_json([worker.model_dump() for worker in live])
        return
    from shared.control.agreement import other_code_than_any
    from shared.control.refused import refused_by
    from sweepctl.views.listing import workers_table
    from sweepctl.views.screen import screen

    notes = [*refused_by(live, sweeps), *other_code_than_any(live, sweeps)]
    screen().print(workers_table(live, notes, private=private))


def audit(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Check that nothing of a sweep was lost or done twice.

    Replays the log, compares it with the records, and lists every attempt. The exit code is 1 if a rule is broken.

    Example: sweepctl audit mysweep
    """
    from shared.control.audit import audit_json, audit_sweep

    with the_store(data_dir, redis) as store:
        found = audit_sweep(store, named(store, sweep))
    if as_json:
        print_json(audit_json(found))
    else:
        from sweepctl.views.listing import audit_view
        from sweepctl.views.screen import screen

        screen().print(audit_view(found))
    raise typer.Exit(1 if found.problems else 0)


def why(run: RunId, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Show why a run was suggested, and how right its prediction was.

    Where the candidate came from, what was predicted and pending, what its rank was made of, and what came of it.

    Example: sweepctl why mysweep.r.7
    """
    from shared.control.why import why as read_why

    with the_store(data_dir, redis) as store:
        found = read_why(store, run)
    if as_json:
        print_json(found.to_json())
        return
    from sweepctl.views.screen import screen
    from sweepctl.views.why import why_view

    screen().print(why_view(found))


def replay(sweep: SweepName = None, data_dir: DataDir = None, redis: Redis = None, as_json: AsJson = False) -> None:
    """Make every suggestion of a sweep again from its log, and compare, bit for bit.

    The exit code is 1 if one is different: another version, other packages, or a machine that computes differently.

    Example: sweepctl replay mysweep
    """
    from shared.local.replay import replay_sweep
    from sweepctl.views.progress import progress_of

    with the_store(data_dir, redis) as store, progress_of("suggesting again", as_json=as_json) as tell:
        found = replay_sweep(store, named(store, sweep), tell=tell)
    if as_json:
        print_json(found.to_json())
    else:
        from sweepctl.views.screen import screen
        from sweepctl.views.why import replay_view

        screen().print(replay_view(found))
    raise typer.Exit(1 if found.differing else 0)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (status, runs, show, logs, best, why, replay, export, workers, audit):
        app.command()(command)
