"""The outcome of a sweep: its runs, the best configurations, the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.control.snapshot import describe, describe_best
from shared.domain.configuration import Configuration, best_first, outcomes_of
from shared.domain.errors import NotFound
from shared.domain.events import LogEntry
from shared.domain.pareto import pareto_order
from shared.domain.progress import Progress
from shared.domain.run import Run, RunState
from shared.domain.sweep import Goal, Sweep
from shared.domain.wording import nearest, wrong_value
from shared.storage.folders import RunFolder
from shared.storage.logs import last_lines
from shared.store.store import Store


@dataclass(frozen=True)
class Standing:
    """A configuration, and the one of its runs with the best score."""

    configuration: Configuration
    run: Run

    @property
    def score(self) -> float:
        """The mean score."""
        return self.configuration.score

    @property
    def cost(self) -> float:
        """The mean cost."""
        return self.configuration.cost


def standings(store: Store, sweep: Sweep) -> list[Standing]:
    """Return the configurations that have a score, the best first."""
    return ranked(store.runs.in_states(sweep.name, [RunState.OBSERVED]), sweep)


def require_best(name: str, found: Sequence[Standing]) -> Sequence[Standing]:
    """Return the standings, the best first. Raises NotFound when there is none."""
    if not found:
        raise NotFound(f"no run of sweep {name} has a score yet: see `sweepctl status {name}`")
    return found


@dataclass(frozen=True)
class Listed:
    """Runs by number, and how many older ones are not listed."""

    runs: list[Run]
    older: int


def list_runs(store: Store, name: str, state: str | None, *, newest: int | None = None) -> Listed:
    """Return the runs of a sweep, or those in one state; with `newest` only so many of them.

    Raises ConfigError for an unknown state.
    """
    if state is not None and state not in list(RunState):
        raise wrong_value("--state", state, f"one of {', '.join(RunState)}", meant=nearest(state, RunState))
    numbers = store.runs.numbers_in(name, [RunState(state)] if state else RunState)
    kept = numbers if newest is None else numbers[-newest:]
    runs = store.runs.numbered(name, kept)
    return Listed([run for run in runs if state is None or run.state == state], len(numbers) - len(kept))


def run_details(store: Store, run_id: str) -> dict[str, Any]:
    """Return everything about one run: the record, its attempts and moves, its files. Raises NotFound."""
    run = store.runs.get(run_id)
    sweep = store.sweeps.get(run.sweep)
    progress = store.runs.progress(run.sweep, [run.number]).get(run.number)
    happened = [what.position for what in store.sweeps.outline(run.sweep, run=run.number)]
    observed = store.runs.in_states(sweep.name, [RunState.OBSERVED]) if run.score is not None else []
    return details_of(run, sweep, progress, store.sweeps.events_at(sweep.name, happened), observed)


def details_of(
    run: Run, sweep: Sweep, progress: Progress | None, entries: Sequence[LogEntry], observed: Sequence[Run]
) -> dict[str, Any]:
    """Return everything about one run, from its record, its part of the log, and the runs that it is compared with."""
    hidden = {"run", "params", "memory", "seen", "reasons"}
    moves = [
        {"at": at_ms / 1000, **{key: value for key, value in event.plain().items() if key not in hidden}}
        for _, at_ms, event in entries
    ]
    folder = RunFolder(Path(sweep.runs_dir) / run.id)
    troubled = run.failure is not None or run.setback is not None
    return {
        **describe(run, sweep, progress),
        "metric": sweep.metric,
        "standing": _standing(observed, sweep, run),
        "moves": moves,
        "folder": str(folder.path),
        "environments": [str(file) for file in folder.environment_files()],
        "log": last_lines(folder) if troubled else [],
    }


def _standing(observed: Sequence[Run], sweep: Sweep, run: Run) -> dict[str, Any] | None:
    """Return the rank of a run's configuration among all, from 1; None without a score."""
    found = ranked(observed, sweep) if run.score is not None else []
    for rank, one in enumerate(found, start=1):
        if run.number in one.configuration.runs:
            facts = describe_best(one.run, sweep, one.configuration)
            kept = ("score", "cost", "interval", "runs")
            return {"rank": rank, "of": len(found), **{key: facts[key] for key in kept}}
    return None


def ranked(runs: Sequence[Run], sweep: Sweep) -> list[Standing]:
    """Return the configurations of the runs, the best first; among equal ones, the cheaper first."""
    by_number = {run.number: run for run in runs}
    found = best_first(outcomes_of(runs), goal=sweep.goal, memory=sweep.memory)
    return [Standing(configuration, by_number[configuration.runs[0]]) for configuration in found]


def pareto_front(found: Sequence[Standing], *, goal: Goal) -> list[Standing]:
    """Return the configurations that no other one beats on score and cost, the cheapest first."""
    sign = 1.0 if goal == "maximize" else -1.0
    order = pareto_order([sign * one.score for one in found], [one.cost for one in found])
    return [found[index] for index in order]
