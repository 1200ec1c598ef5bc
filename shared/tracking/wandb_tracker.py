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


@dataclass
class _Open:
    """A W&B run that is being written, and the last step that it has."""

    run: Any
    step: int = -1


class WandbTracker:
    """Writes the runs of one sweep below `folder`. A W&B that cannot be reached makes it go on offline."""

    def __init__(
        self, *, mode: Mode, project: str, entity: str | None, group: str, name: str | None, folder: Path
    ) -> None:
        self._mode, self._project, self._entity, self._group, self._name = mode, project, entity, group, name
        self._folder = folder
        self._open: dict[str, _Open] = {}

    def update(self, run: TrackedRun) -> None:
        """Log the points that are new; with an outcome, write it as the summary and finish."""
        tracked = self._open.get(run.id) or self._open.setdefault(run.id, _Open(self._start(run)))
        for step, value in run.curve:
            if step > tracked.step:
                tracked.run.log({run.metric: value}, step=step)
                tracked.step = step
        if run.outcome is not None:
            tracked.run.summary.update({**run.outcome, "attempts": run.attempt})
            tracked.run.finish(exit_code=1 if run.failed else 0)
            del self._open[run.id]

    def close(self) -> None:
        """Close what is still open; a run that goes on elsewhere is opened again there."""
        for tracked in self._open.values():
            tracked.run.finish()
        self._open.clear()

    def _start(self, run: TrackedRun) -> Any:
        try:
            return self._init(run)
        except wandb.Error as error:
            if self._mode == "offline":
                raise
            log.warning("W&B cannot be used (%s): going on offline; `wandb sync` sends it later", type(error).__name__)
            self._mode = "offline"
            return self._init(run)

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
                init_timeout=30,
            ),
        )
