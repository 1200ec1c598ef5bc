"""Read from the store what a report shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shared.config.frozen import job_of
from shared.config.searched import space_of
from shared.control.results import Standing, ranked
from shared.control.stores import Store
from shared.domain.errors import SweepError
from shared.domain.importance import Importance
from shared.domain.run import Run, RunState
from shared.local.helper_process import helper_process
from sweepctl.report.analysis import thinned
from sweepctl.report.material import Material
from sweepctl.report.timeline import timeline_of

MOST_CURVES: Final = 48
PATIENCE_SECONDS: Final = 300.0
Notice = Callable[[int, int], None]
"""Called with the number of finished steps and the number of all steps."""


def collect(store: Store, name: str, *, on_step: Notice) -> Material:
    """Read a sweep. Raises NotFound, and ConfigError for a sweep of another version."""
    sweep = store.sweeps.get(name)
    space = space_of(job_of(sweep))
    on_step(0, 4)
    runs, now = store.runs.all(name), store.sweeps.now()
    on_step(1, 4)
    log = [] if sweep.log_dropped else store.sweeps.whole_log(name)
    timeline = timeline_of(log, start=sweep.created_at, now=now)
    on_step(2, 4)
    standings = ranked([run for run in runs if run.state is RunState.OBSERVED], sweep)
    curves = store.runs.progress(name, runs_with_curves(runs, standings))
    on_step(3, 4)
    importance = importance_of(name, url=store.url) if standings else Importance(missing="no run has a score yet")
    on_step(4, 4)
    return Material(sweep, space, runs, standings, timeline, curves, importance, now)


def runs_with_curves(runs: Sequence[Run], standings: Sequence[Standing]) -> list[int]:
    """Return the runs whose curves are shown: the best ones, those in progress, and some of the others."""
    started = [run for run in runs if run.attempt and run.state is not RunState.CANCELLED]
    best = {number for one in standings[: MOST_CURVES // 4] for number in one.configuration.runs[:1]}
    wanted = [run for run in started if run.number in best]
    wanted += [run for run in started if not run.is_finished][: MOST_CURVES // 4]
    return [run.number for run in thinned(started, MOST_CURVES, keep=wanted)]


def importance_of(sweep: str, *, url: str) -> Importance:
    """Return which parameters of a sweep matter, or the reason why that could not be computed."""
    module, called = "services.suggester.importance", "the process for it"
    try:  # in another process: it loads torch
        with helper_process(module, sweep, url=url, called=called, seconds=PATIENCE_SECONDS) as helper:
            return Importance(**helper.answer())
    except SweepError as error:
        return Importance(missing=str(error))
