"""The material of reports, quick to write down."""

from __future__ import annotations

import math
from typing import Any

from shared.config.frozen import from_plain
from shared.config.searched import space_of
from shared.control.results import ranked
from shared.domain.events import Event, LogEntry, RunClaimed
from shared.domain.importance import Importance
from shared.domain.progress import Progress
from shared.domain.record_events import event_of_run, suggested
from shared.domain.run import Run, RunState
from shared.domain.sweep import Goal
from sweepctl.report.material import Material
from sweepctl.report.timeline import timeline_of
from tests.finished_sweeps import START, a_sweep_of, some_runs


def a_log(runs: list[Run]) -> list[LogEntry]:
    """Return a log of two workers that carried them out, one after the other."""
    log: list[tuple[int, Event]] = []
    for run in runs:
        at = int(START * 1000) + run.number * 5000
        worker = f"trainer@a-machine-with-a-long-name:{run.number % 2}"
        log += [
            (at, suggested(run, memory={})),
            (at + 500, RunClaimed(run=run.number, state=RunState.TRAINING, attempt=1, worker=worker, step=0)),
            (at + 9000, event_of_run(run.move(str(run.state)))),
        ]
    log.sort(key=lambda entry: entry[0])
    return [LogEntry(position, *entry) for position, entry in enumerate(log, start=1)]


def a_material(many: int, *, goal: Goal = "maximize", importance: Importance | None = None, **changes: Any) -> Material:
    """Return all of a sweep of `many` runs, as `collect` would."""
    sweep = a_sweep_of(many, goal=goal).model_copy(update=changes)
    runs = some_runs(sweep, many)
    space = space_of(from_plain(sweep.config))
    now = START + many * 5 + 60
    curve = tuple((step, 100 * (1 - math.exp(-step / 9))) for step in range(1, 65))
    curves = {run.number: Progress(attempt=1, step=64, curve=curve) for run in runs[:40]}
    known = {path: 0.5 / (1 + place) for place, path in enumerate(space.paths)}
    return Material(
        sweep=sweep,
        space=space,
        runs=runs,
        standings=ranked([run for run in runs if run.state is RunState.OBSERVED], sweep),
        timeline=timeline_of(a_log(runs), start=START, now=now),
        curves=curves,
        importance=importance or Importance(many, 14, 0.8, known if many >= 14 else {}),
        now=now,
    )
