"""Mark runs that are clearly worse than others were at the same cost: their owners end them early."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.config.frozen import job_of
from shared.config.schema import SweepJob
from shared.config.searched import length_of
from shared.domain.early_stopping import BestSoFar, why_stop
from shared.domain.errors import ConfigError, IllegalMove, NotFound, Stale, Unreadable
from shared.domain.events import (
    RunAdopted,
    RunObserved,
    RunRetried,
    RunStoppedEarly,
    RunSuggested,
    require_readable,
)
from shared.domain.progress import Progress
from shared.domain.run import EarlyStop, Params, Run, RunState, stop_early
from shared.store.store import Store

log = logging.getLogger(__name__)


@dataclass
class _Finished:
    """The finished runs of one sweep, from its log up to `position`."""

    position: int = 0
    params: dict[int, Params] = field(default_factory=dict)  # of unfinished runs
    stopped: set[int] = field(default_factory=set)  # unfinished runs that are stopped early
    curves: list[BestSoFar] = field(default_factory=list)
    whole: list[tuple[Params, int]] = field(
        default_factory=list
    )  # of runs that were not stopped early, with their steps
    has_complained: bool = False


class EarlyStopping:
    """Compares the runs in training with finished ones. Several may do so at the same time: a run is marked once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._finished: dict[str, _Finished] = {}

    def stop_bad_runs(self) -> None:
        """Mark each run that should end early, in every live sweep with `early_stop_quantile`."""
        live = self._store.sweeps.live()
        for name in live:
            try:
                job = job_of(self._store.sweeps.get(name))
                if job.sweep.early_stop_quantile is not None:
                    self._judge(name, job, quantile=job.sweep.early_stop_quantile)
            except (
                ConfigError,
                NotFound,
                Unreadable,
            ) as reason:  # another version wrote it: the other sweeps are processed
                log.info("sweep %s: no run can be stopped early: %s", name, reason)
        for name in set(self._finished) - set(live):
            del self._finished[name]

    def _judge(self, name: str, job: SweepJob, *, quantile: float) -> None:
        finished = self._finished.setdefault(name, _Finished())
        self._catch_up(name, job, finished)
        training = self._store.runs.in_states(name, [RunState.TRAINING])
        reported = self._store.runs.progress(name, [run.number for run in training])
        for run in training:
            progress = reported.get(run.number, Progress())
            if _can_be_scored(run, progress, job):
                why = why_stop(_best_so_far(progress, job), finished.curves, quantile=quantile)
                if why is not None:
                    of_steps = progress.total_steps or _expected_steps(run, job, finished.whole)
                    last = progress.points()[-1]
                    stop = EarlyStop(step=last.step, score=last.value, cost=last.spent, of_steps=of_steps, why=why)
                    self._mark(run, stop)

    def _mark(self, run: Run, stop: EarlyStop) -> None:
        try:
            self._store.runs.commit(run, stop_early(run, stop), lease="keep")
        except (IllegalMove, Stale) as reason:
            log.info("run %s: cannot be stopped early: %s", run.id, reason)
        else:
            log.info("run %s: stopped early at step %d: %s", run.id, stop.step, stop.why)

    def _catch_up(self, name: str, job: SweepJob, finished: _Finished) -> None:
        while entries := self._store.sweeps.events(name, after=finished.position):
            observed: list[int] = []
            for entry in entries:
                require_readable(entry)
                match entry.event:
                    case RunSuggested(run=run, params=params) | RunRetried(run=run, params=params):
                        finished.params[run] = params
                        finished.stopped.discard(run)
                    case RunAdopted(run=run, params=params, early_stop=early):
                        finished.params[run] = params
                        if early is not None:  # in the sweep that it was trained in
                            finished.stopped.add(run)
                    case RunStoppedEarly(run=run):
                        finished.stopped.add(run)
                    case RunObserved(run=run):
                        observed.append(run)
            self._take_in(name, job, finished, observed)
            finished.position = entries[-1].position

    def _take_in(self, name: str, job: SweepJob, finished: _Finished, observed: Sequence[int]) -> None:
        reported = self._store.runs.progress(name, observed)
        for number in observed:
            progress, params = reported.get(number, Progress()), finished.params.pop(number)
            if progress.curve:
                finished.curves.append(_best_so_far(progress, job))
            elif not finished.has_complained:
                finished.has_complained = True
                text = "sweep %s: run %d reported no %s while it trained: without curves no run can be stopped early"
                log.warning(text, name, number, job.sweep.metric)
            if number not in finished.stopped:
                finished.whole.append((params, progress.step))


def _can_be_scored(run: Run, progress: Progress, job: SweepJob) -> bool:
    """Whether the run could be scored if it ended now: by reports of this attempt, not of a lost one."""
    has_reported = progress.attempt == run.attempt and bool(progress.curve)
    return has_reported and (run.checkpoint is not None or not job.is_evaluated) and run.early_stop is None


def _best_so_far(progress: Progress, job: SweepJob) -> BestSoFar:
    return BestSoFar.of(((point.spent, point.value) for point in progress.points()), goal=job.sweep.goal)


def _expected_steps(run: Run, job: SweepJob, whole: Sequence[tuple[Params, int]]) -> int | None:
    """Return how many steps the whole run would have, from the runs that were trained to their end.

    Steps and the length parameter may have different units, such as batches and epochs.
    """
    length = length_of(job)
    if length is None or length.path not in run.params:
        return None
    rates = [steps / params[length.path] for params, steps in whole if params.get(length.path)]
    return round(run.params[length.path] * statistics.median(rates)) if rates else None
