"""Runs in Weights & Biases: one run a run, the sweep as its group.

One process tells the whole story of a run, from the store. A training that is killed loses no point of its curve, and
an evaluation needs no second W&B run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import wandb

from shared.tracking.tracker import TrackedRun

log = logging.getLogger(__name__)
Mode = Literal["offline", "online"]
INIT_SECONDS = 15  # the sweep itself never waits for W&B; what ends a worker does
FINISH_SECONDS = 10.0


class _Process:
    """W&B's own process, which all trackers share. After a failure it is ended, and with it every run it had open."""

    starts = 0

    @classmethod
    def start_anew(cls) -> None:
        cls.starts += 1
        try:
            wandb.teardown()
        except Exception as error:
            log.info("W&B's process did not end in order: %s", type(error).__name__)


@dataclass
class _Open:
    """A W&B run that is being written, the last step that it has, and the start of W&B's process that it belongs to."""

    run: Any
    start: int
    step: int = -1


class WandbTracker:
    """Writes the runs of one sweep below `folder`. A W&B that cannot be reached makes it go on offline.

    No failure of W&B is raised: the store has everything, and whoever tells the tracker has other sweeps to follow.
    """

    def __init__(
        self, *, mode: Mode, project: str, entity: str | None, group: str, name: str | None, folder: Path
    ) -> None:
        self._mode, self._project, self._entity, self._group, self._name = mode, project, entity, group, name
        self._folder = folder
        self._open: dict[str, _Open] = {}

    def update(self, run: TrackedRun) -> None:
        """Log the points that are new; with an outcome, write it as the summary and finish."""
        try:
            self._tell(run)
        except Exception as error:  # W&B's process may be away or dead, and its errors have no common root
            why = type(error).__name__
            _Process.start_anew()
            self._open.pop(run.id, None)
            if self._mode == "offline":
                log.warning("run %s: W&B failed (%s): it is not written there; the store has it", run.id, why)
                return
            log.warning("W&B cannot be used (%s): going on offline; `wandb sync` sends it later", why)
            self._mode = "offline"
            self.update(run)

    def close(self) -> None:
        """Close what is still open; a run that goes on elsewhere is opened again there."""
        for run_id, tracked in self._open.items():
            if tracked.start != _Process.starts:
                continue
            try:
                tracked.run.finish()
            except Exception as error:
                log.warning("run %s: W&B failed (%s) at its end", run_id, type(error).__name__)
        self._open.clear()

    def _tell(self, run: TrackedRun) -> None:
        tracked = self._open.get(run.id)
        if tracked is None or tracked.start != _Process.starts:
            tracked = self._open[run.id] = _Open(self._init(run), _Process.starts)
        for step, value in run.curve:
            if step > tracked.step:
                tracked.run.log({run.metric: value}, step=step)
                tracked.step = step
        if run.outcome is not None:
            tracked.run.summary.update({**run.outcome, "attempts": run.attempt})
            tracked.run.finish(exit_code=1 if run.failed else 0)
            del self._open[run.id]

    def _init(self, run: TrackedRun) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True)
        return wandb.init(
            project=self._project,
            entity=self._entity,
            group=self._group,
            name=(self._name and f"{self._name}.{run.id.rpartition('.')[2]}") or run.id,
            id=run.id,
            dir=str(self._folder),
            config={**run.params, "config": dict(run.config)},
            mode=self._mode,
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(
                console="off",
                silent=True,
                disable_git=True,
                x_disable_stats=True,  # the suggester's machine says nothing about the run's
                x_disable_meta=True,
                init_timeout=INIT_SECONDS,
                finish_timeout=FINISH_SECONDS,  # then what was not sent lies in the folder, for `wandb sync`
            ),
        )
