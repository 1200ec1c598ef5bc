"""A sweep at one moment, as data for a view. The cost of reading it does not grow with its history."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.configuration import Configuration
from shared.domain.forecast import LAST_RUNS, Forecast, forecast
from shared.domain.progress import Progress
from shared.domain.run import FINISHED, UNFINISHED, Run, RunState, run_id
from shared.domain.sweep import Sweep
from shared.store.fleet import LiveWorker
from shared.store.store import Store


@dataclass(frozen=True)
class Snapshot:
    """What `status`, `watch` and `run` show."""

    sweep: Sweep
    counts: dict[RunState, int]
    unfinished: list[Run]
    progress: dict[int, Progress]
    best: Run | None  # the run with the best score, of the best configuration
    workers: list[LiveWorker]
    now: float  # the server's clock (seconds); for a finished sweep, when it ended
    is_private: bool  # whether the store is the embedded one of a folder
    forecast: Forecast | None = None  # None for a paused or finished sweep, and while too little is known

    @property
    def done(self) -> int:
        """Runs that are over."""
        return sum(self.counts.get(state, 0) for state in FINISHED)

    @property
    def seconds_left(self) -> float | None:
        """The forecast of the seconds until the sweep is over."""
        return self.forecast.seconds_left if self.forecast else None

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot as `status --json` shows it."""
        sweep = self.sweep
        return {
            "sweep": sweep.name,
            "state": sweep.state,
            "reason": sweep.reason,
            "goal": sweep.goal,
            "runs": {str(state): count for state, count in self.counts.items()},
            "created": sweep.created,
            "done": self.done,
            "budget": sweep.limits.model_dump(),
            "spent": sweep.spent,
            "seconds_left": self.seconds_left,
            "forecast": self.forecast.to_json() if self.forecast else None,
            "best": describe_best(self.best, sweep, sweep.leading) if self.best and sweep.leading else None,
            "unfinished": [describe(run, sweep, self.progress.get(run.number)) for run in self.unfinished],
            "workers": [worker.model_dump() for worker in self.workers],
        }


def take_snapshot(store: Store, name: str) -> Snapshot:
    """Read the current state of a sweep. Raises NotFound."""
    sweep = store.sweeps.get(name)
    unfinished = store.runs.in_states(name, UNFINISHED)
    now = _ended_at(store, sweep) or store.sweeps.now()
    return Snapshot(
        sweep=sweep,
        counts=store.runs.counts(name),
        unfinished=unfinished,
        progress=store.runs.progress(name, [run.number for run in unfinished]),
        best=store.runs.get(run_id(name, sweep.leading.runs[0])) if sweep.leading else None,
        workers=store.fleet.live(),
        forecast=forecast(
            sweep,
            unfinished=unfinished,
            last=_last_ended(store, sweep, unfinished),
            live_slots=store.fleet.live_slots(sweep.queue),
            now=now,
        ),
        now=now,
        is_private=store.is_private,
    )


def _last_ended(store: Store, sweep: Sweep, unfinished: Sequence[Run]) -> list[Run]:
    first = max(sweep.created - LAST_RUNS - len(unfinished), 0) + 1
    numbers = set(range(first, sweep.created + 1)) - {run.number for run in unfinished}
    return [run for run in store.runs.numbered(sweep.name, numbers) if run.is_finished]


def _ended_at(store: Store, sweep: Sweep) -> float | None:
    last = store.sweeps.last_event(sweep.name) if sweep.is_finished else None
    return last.at_ms / 1000 if last else None


def describe(run: Run, sweep: Sweep, progress: Progress | None = None) -> dict[str, Any]:
    """Return a run as `runs --json` shows it. Keys are only ever added."""
    content: dict[str, Any] = {
        "run": run.id,
        "sweep": sweep.name,
        "state": run.state,
        "attempt": run.attempt,
        "score": run.score,
        "cost": run.cost,
        "params": run.params,
        "steps": max(run.steps, progress.step if progress else 0),
        "metrics": run.metrics or (progress.metrics if progress else {}),
        "train_seconds": run.train_seconds,
        "eval_seconds": run.eval_seconds,
        "prediction": run.prediction.model_dump(),
        "failure": run.failure.model_dump() if run.failure else None,
        "setback": run.setback,
        "other_code": run.other_code,
        "origin": run.origin,
        "early_stop": run.early_stop.model_dump() if run.early_stop else None,
        "trained": run.trained,
        "worker": run.owner.worker if run.owner else None,
        "cancel_requested": run.cancel_requested,
        "checkpoint": run.checkpoint.model_dump() if run.checkpoint else None,
    }
    if progress is not None:
        content |= {"total_steps": progress.total_steps, "curve": [list(point) for point in progress.curve]}
    return content


def describe_best(run: Run, sweep: Sweep, configuration: Configuration) -> dict[str, Any]:
    """Return a run of a configuration as `best --json` shows it: score and cost are the means of all runs of it.

    `interval` is the 95 % confidence interval of the configuration's mean score, null while that is not known.
    """
    known = configuration.low is not None
    return {
        **describe(run, sweep),
        "score": configuration.score,
        "cost": configuration.cost,
        "interval": [configuration.low, configuration.high] if known else None,
        "runs": [run_id(sweep.name, number) for number in configuration.runs],
    }


def elapsed(run: Run) -> float:
    """Return the seconds since this attempt was claimed, by the workers' clock; 0 while no worker has it."""
    return max(time.time() - run.started_at, 0.0) if run.started_at and run.owner else 0.0
