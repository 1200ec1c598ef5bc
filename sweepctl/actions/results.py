"""The outcome of a sweep: its runs, the best ones, the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shared.domain.errors import ConfigError, NotFound
from shared.domain.pareto import pareto_order
from shared.domain.run import Run, RunState
from shared.domain.sweep import Goal
from shared.storage.folders import RunFolder
from shared.storage.logs import last_lines
from shared.store.store import Store
from sweepctl.actions.snapshot import describe


def observed_runs(store: Store, name: str) -> list[Run]:
    """Return the runs that have a score, the best first."""
    sweep = store.sweeps.get(name)
    return ranked(store.runs.in_states(name, [RunState.OBSERVED]), goal=sweep.goal)


def require_best(name: str, runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs, the best first. Raises NotFound when there is none."""
    if not runs:
        raise NotFound(f"no run of sweep {name} has a score yet: see `sweepctl status {name}`")
    return runs


def list_runs(store: Store, name: str, state: str | None) -> list[Run]:
    """Return the runs of a sweep by number, or those in one state. Raises ConfigError for an unknown state."""
    if state is None:
        return store.runs.all(name)
    if state not in list(RunState):
        raise ConfigError(f"--state {state}: there is no such state: use one of {', '.join(RunState)}")
    return store.runs.in_states(name, [RunState(state)])


def run_details(store: Store, run_id: str) -> dict[str, Any]:
    """Return everything about one run: the record, its attempts and moves, its files. Raises NotFound."""
    run = store.runs.get(run_id)
    sweep = store.sweeps.get(run.sweep)
    progress = store.runs.progress(run.sweep, [run.number]).get(run.number)
    events = [event for event in store.sweeps.whole_log(run.sweep) if event.body.get("run") == run.number]
    hidden = {"run", "params", "memory", "seen", "reasons"}
    moves = [
        {"at": event.at_ms / 1000, **{key: value for key, value in event.body.items() if key not in hidden}}
        for event in events
    ]
    folder = Path(sweep.config["runs_dir"]) / run.id
    troubled = run.failure is not None or run.setback is not None
    log = last_lines(RunFolder(folder)) if troubled else []
    return {**describe(run, sweep, progress), "moves": moves, "folder": str(folder), "log": log}


def ranked(runs: Sequence[Run], *, goal: Goal) -> list[Run]:
    """Return the runs by score, the best first; of equal ones the cheaper first."""
    sign = -1.0 if goal == "maximize" else 1.0
    return sorted(runs, key=lambda run: (sign * (run.score or 0.0), run.cost or 0.0))


def pareto_front(runs: Sequence[Run], *, goal: Goal) -> list[Run]:
    """Return the runs that no other run beats on score and cost, the cheapest first."""
    sign = 1.0 if goal == "maximize" else -1.0
    scores, costs = np.array([sign * (run.score or 0.0) for run in runs]), np.array([run.cost or 0.0 for run in runs])
    return [runs[index] for index in pareto_order(scores, costs)]
