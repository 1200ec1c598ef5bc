"""Rebuild a sweep from its folder in a store that does not have it any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.config.frozen import job_of
from shared.control.steps import OnStep, ignore_step
from shared.domain.configuration import best_first, outcomes_of
from shared.domain.errors import Conflict
from shared.domain.record_events import suggested
from shared.domain.restore import life_of, nobodys
from shared.domain.run import Run, RunState
from shared.domain.sweep import BEING_RESTORED, Sweep, SweepState, settle
from shared.domain.totals import absorb
from shared.storage.records import read_runs, read_sweep
from shared.store.ledger import Change
from shared.store.store import Store

AT_ONCE = 100


@dataclass(frozen=True)
class Restored:
    """The restored sweep, how many runs have a mirror, and how many numbers have none."""

    sweep: Sweep
    runs: int
    unknown: int


def restore(store: Store, folder: Path, *, on_step: OnStep = ignore_step) -> Restored:
    """Rebuild the sweep whose folder this is. Ids, parameters, scores, costs and checkpoints are kept.

    The sweep is marked as finished until all of it is restored, so that no worker changes it. The next call continues
    an interrupted restore. `on_step` is called with (done, of how many) after each run.

    Raises NotFound, Unreadable and ConfigError for a folder that cannot be used, before anything is written, and
    Conflict when the store has the sweep.
    """
    folder = folder.resolve()
    born, mirrors = read_sweep(folder), [run for _, run in read_runs(folder)]
    born = _moved_to(born, folder)  # raises for another version, before anything is written
    lives = {run.number: life_of(run) for run in mirrors}
    last = max(lives, default=0)
    unknown = [number for number in range(1, last + 1) if number not in lives]
    lives |= {number: nobodys(born.name, number, born.queue) for number in unknown}
    sweep = _suggest_all(store, _begin(store, born), [lives[number][0] for number in range(1, last + 1)])
    for done, number in enumerate([*unknown, *(run.number for run in mirrors)], start=1):
        _live_again(store, lives[number])
        on_step(done, last)
    return Restored(_finish(store, sweep), runs=len(mirrors), unknown=len(unknown))


def _moved_to(born: Sweep, folder: Path) -> Sweep:
    # The folder may have been moved, or may be from a backup: use its current place.
    job = job_of(born)
    place = {"data_dir": str(folder.parents[1]), "runs_dir": str(folder / "runs")}
    usual = Path(job.runs_dir) == Path(job.data_dir) / "sweep" / born.name / "runs"
    return born.model_copy(update={"config": {**born.config, **place}}) if usual else born


def _begin(store: Store, born: Sweep) -> Sweep:
    known = store.sweeps.find(born.name)
    if known is None:
        hidden = {"state": SweepState.FINISHED, "reason": BEING_RESTORED, "version": 1}
        return store.sweeps.create(born.model_copy(update=hidden))
    if (known.state, known.reason) != (SweepState.FINISHED, BEING_RESTORED):
        raise Conflict(f"sweep {born.name} is in this store: there is nothing to restore; see `sweepctl status`")
    return known


def _suggest_all(store: Store, sweep: Sweep, runs: list[Run]) -> Sweep:
    while batch := runs[sweep.created : sweep.created + AT_ONCE]:
        after = sweep.move("", created=sweep.created + len(batch), memory={"n": sweep.created + len(batch)})
        sweep = store.sweeps.commit(sweep, after, [_born(run, after) for run in batch])
    return sweep


def _born(run: Run, sweep: Sweep) -> Change:
    if run.last_move != "suggested":  # it was adopted
        return Change(None, run)
    return Change(
        None, run, event=suggested(run, memory=sweep.memory)
    )  # what the optimizer knew then was only in the lost log


def _live_again(store: Store, life: Iterable[Run]) -> None:
    stored = store.runs.get(next(iter(life)).id)
    for run in life:
        if run.version > stored.version:
            stored = store.runs.commit(stored, run)


def _finish(store: Store, sweep: Sweep) -> Sweep:
    sweep = store.sweeps.get(sweep.name)
    for entry in store.sweeps.whole_log(sweep.name):
        sweep = absorb(sweep, entry.event, position=entry.position)
    if sweep.limits.max_runs is not None:  # it may have been raised since the submit
        limits = sweep.limits.model_copy(update={"max_runs": max(sweep.limits.max_runs, sweep.created)})
        sweep = sweep.model_copy(update={"limits": limits})
    unfinished = sweep.created - sweep.observed - sweep.failed - sweep.cancelled
    back = sweep.model_copy(update={"state": SweepState.RUNNING, "reason": ""})
    settled = settle(back, unfinished=unfinished, now=store.sweeps.now())
    outcomes = outcomes_of(store.runs.in_states(sweep.name, [RunState.OBSERVED]))
    leader = next(iter(best_first(outcomes, goal=sweep.goal, memory=sweep.memory)), None)
    seen = sweep.seen + 1  # this event, too
    changes = {"state": settled.state, "reason": settled.reason, "seen": seen, "leader": leader}
    if sweep.is_tracked:  # its tracker got these runs when they ran
        store.sweeps.set_tracked_position(sweep.name, sweep.seen)
    return store.sweeps.commit(sweep, sweep.move("restored", **changes))
