"""Collect what a report of a sweep needs, and write it as one page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.control.results import Standing, ranked
from shared.control.write import write_output
from shared.domain.progress import Progress
from shared.domain.run import Run, RunState
from shared.domain.sweep import Sweep
from shared.store.store import Store
from sweepctl.report.timeline import Timeline, timeline_of

if TYPE_CHECKING:
    from shared.domain.search_space import SearchSpace

MOST_CURVES: Final = 48
PATIENCE_SECONDS: Final = 300.0
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Importance:
    """What `services.suggester.importance` found out; `missing` says why there is nothing."""

    runs: int = 0
    wanted: int = 0
    explained: float | None = None
    indices: Mapping[str, float] = field(default_factory=dict)
    missing: str | None = None


@dataclass(frozen=True)
class Material:
    """A sweep as a report shows it: `standings` are its configurations, the best first; `now` the server's clock."""

    sweep: Sweep
    space: SearchSpace
    runs: Sequence[Run]
    standings: Sequence[Standing]
    timeline: Timeline
    curves: Mapping[int, Progress]
    importance: Importance
    now: float

    @cached_property
    def cost_kind(self) -> str:
        """What a cost is: seconds, steps, a metric, or `as reported` where trainings said it themselves."""
        if any("cost" in run.metrics for run in self.runs):
            return "as reported"
        return str(self.sweep.config["cost"])


def collect(store: Store, name: str, *, tell: Tell) -> Material:
    """Read all of it; `tell` hears (steps done, of how many). Raises NotFound, ConfigError for another version's."""
    from shared.config.frozen import from_plain
    from shared.config.searched import space_of

    sweep = store.sweeps.get(name)
    space = space_of(from_plain(sweep.config))
    tell(0, 4)
    runs, now = store.runs.all(name), store.sweeps.now()
    tell(1, 4)
    log = [] if sweep.log_dropped else ((event.at_ms, event.body) for event in store.sweeps.whole_log(name))
    timeline = timeline_of(log, start=sweep.created_at, now=now)
    tell(2, 4)
    standings = ranked([run for run in runs if run.state is RunState.OBSERVED], sweep)
    curves = store.runs.progress(name, told_by_curves(runs, standings))
    tell(3, 4)
    importance = importance_of(store, sweep, standings)
    tell(4, 4)
    return Material(sweep, space, runs, standings, timeline, curves, importance, now)


def told_by_curves(runs: Sequence[Run], standings: Sequence[Standing]) -> list[int]:
    """Return the runs whose curves are shown: those of the best configurations, in progress, some of all the others."""
    from sweepctl.report.findings import thinned

    started = [run for run in runs if run.attempt and run.state is not RunState.CANCELLED]
    best = {number for one in standings[: MOST_CURVES // 4] for number in one.configuration.runs[:1]}
    wanted = [run for run in started if run.number in best]
    wanted += [run for run in started if not run.is_finished][: MOST_CURVES // 4]
    return [run.number for run in thinned(started, MOST_CURVES, keep=wanted)]


def importance_of(store: Store, sweep: Sweep, standings: Sequence[Standing]) -> Importance:
    """Return which parameters matter. A report is made without it, too: then it says why."""
    if not standings:
        return Importance(missing="no run has a score yet")
    command = [sys.executable, "-m", "services.suggester.importance", sweep.name]
    environment = {**os.environ, "REDIS_URL": store.url}
    try:  # a process of its own: Protein needs torch, and no command loads that
        ended = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Importance(missing=f"the surrogate was not fitted within {PATIENCE_SECONDS:g} seconds")
    if ended.returncode:
        return Importance(missing=(ended.stderr.strip().splitlines() or ["no reason given"])[-1])
    told: dict[str, Any] = json.loads(ended.stdout)
    return Importance(**told)


def write_report(material: Material, place: Path) -> int:
    """Write the page and return its size in bytes. Raises ConfigError for a place that cannot be."""
    from plotly.offline import get_plotlyjs

    from sweepctl.report.page import page

    text = page(material, plotly=get_plotlyjs())
    write_output(text, place)
    return len(text.encode())
