"""Send each run to the tracker, from the log and the store, and store the position of the last event sent."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from shared.config.frozen import job_of
from shared.domain.errors import NotFound
from shared.domain.events import RunEnded
from shared.domain.run import LEASED, Run, run_id
from shared.domain.sweep import Sweep
from shared.storage.folders import runs_root
from shared.store.store import Store
from shared.tracking.tracker import TrackedRun, Tracker

log = logging.getLogger(__name__)


class Tracking:
    """Follows the logs of tracked sweeps, one at a time."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self._store, self._data_dir = store, data_dir
        self._trackers: dict[str, Tracker] = {}
        self._lock = threading.Lock()

    def follow_all(self) -> None:
        """Update the trackers of all sweeps; close those of finished sweeps."""
        with self._lock:
            for name in sorted({*self._store.sweeps.live(), *self._store.sweeps.tracked()}):
                try:
                    self._follow(self._store.sweeps.get(name))
                except NotFound:
                    self._store.sweeps.forget_tracked(name)

    def close(self) -> None:
        """Update all trackers a last time, and close them."""
        self.follow_all()
        for tracker in self._trackers.values():
            tracker.close()
        self._trackers.clear()

    def _follow(self, sweep: Sweep) -> None:
        if not sweep.is_tracked:
            return
        tracker = self._trackers.get(sweep.name) or self._trackers.setdefault(sweep.name, self._new_tracker(sweep))
        position = self._store.sweeps.tracked_position(sweep.name)
        for entry in self._store.sweeps.events(sweep.name, after=position):
            if isinstance(entry.event, RunEnded):
                tracker.update(self._tracked(sweep, self._store.runs.get(run_id(sweep.name, entry.event.run))))
            position = entry.position
            self._store.sweeps.set_tracked_position(sweep.name, position)
        for run in self._store.runs.in_states(sweep.name, LEASED):
            tracker.update(self._tracked(sweep, run))
        if sweep.is_finished and not self._store.sweeps.events(sweep.name, after=position):
            self._trackers.pop(sweep.name).close()
            self._store.sweeps.forget_tracked(sweep.name)

    def _tracked(self, sweep: Sweep, run: Run) -> TrackedRun:
        progress = self._store.runs.progress(sweep.name, [run.number]).get(run.number)
        outcome = None
        if run.is_finished:
            outcome = {
                **run.metrics,
                "score": run.score,
                "cost": run.cost,
                "state": str(run.state),
                "train_seconds": run.train_seconds,
                "eval_seconds": run.eval_seconds,
                **({"failure": run.failure.message} if run.failure else {}),
                **({"stopped_early": run.early_stop.why} if run.early_stop else {}),
            }
        return TrackedRun(
            id=run.id,
            attempt=run.attempt,
            params=run.params,
            config=sweep.config["trainer"],
            metric=sweep.metric,
            curve=progress.curve if progress else (),
            outcome=outcome,
            failed=run.failure is not None,
        )

    def _new_tracker(self, sweep: Sweep) -> Tracker:
        from shared.tracking.wandb_tracker import (
            WandbTracker,
        )  # its import takes half a second, and most sweeps do not need it

        job = job_of(sweep)
        wandb = job.wandb
        if wandb.mode == "off":
            raise AssertionError("a sweep that is not tracked has no tracker")
        folder = runs_root(job.runs_dir, job.data_dir, sweep.name, here=self._data_dir).parent
        return WandbTracker(
            mode=wandb.mode,
            project=wandb.project,
            entity=wandb.entity,
            group=wandb.group or sweep.name,
            name=wandb.name,
            folder=folder,
        )
