"""Runs in Weights & Biases: each run is a W&B run, and the sweep is their group.

One process writes everything about a run, from the store. So a training that is killed loses no point of its curve, and
an evaluation needs no second W&B run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import wandb

from shared.tracking.tracker import TrackedRun
from shared.tracking.wandb_internals import WITHOUT_MACHINE

log = logging.getLogger(__name__)
Mode = Literal["offline", "online"]
INIT_SECONDS = 15  # a sweep never waits for W&B, but the end of a worker does
FINISH_SECONDS = 10.0


class _Process:
    """W&B's own process, which all trackers share. A failure ends it, and with it all runs that were open in it."""

    starts = 0

    @classmethod
    def restart(cls) -> None:
        cls.starts += 1
        try:
            wandb.teardown()
        except Exception as error:
            log.info("W&B's process could not be ended cleanly: %s", type(error).__name__)


@dataclass
class _Open:
    """A W&B run that is being written, its last step, and the number of the start of W&B's process that it is in."""

    run: Any
    start: int
    step: int = -1


class WandbTracker:
    """Writes the runs of one sweep below `folder`. If W&B cannot be reached, it continues offline.

    No failure of W&B is raised: the store has everything, and the caller has other sweeps to follow.
    """

    def __init__(
        self, *, mode: Mode, project: str, entity: str | None, group: str, name: str | None, folder: Path
    ) -> None:
        self._mode, self._project, self._entity, self._group, self._name = mode, project, entity, group, name
        self._folder = folder
        self._open: dict[str, _Open] = {}

    def update(self, run: TrackedRun) -> None:
        """Log the new points; write an outcome as the summary, and finish the W&B run then."""
        try:
            self._write(run)
        except Exception as error:  # its process can be gone, and its errors have no common class
            why = type(error).__name__
            _Process.restart()
            self._open.pop(run.id, None)
            if self._mode == "offline":
                log.warning("run %s: W&B failed (%s): the run is only in the store, not in W&B", run.id, why)
                return
            log.warning("W&B failed (%s): continuing offline; run `wandb sync` later to upload the runs", why)
            self._mode = "offline"
            self.update(run)

    def close(self) -> None:
        """Close the runs that are still open. Another process can open them again."""
        for run_id, tracked in self._open.items():
            if tracked.start != _Process.starts:
                continue
            try:
                tracked.run.finish()
            except Exception as error:
                log.warning("run %s: W&B failed (%s) while it was closed", run_id, type(error).__name__)
        self._open.clear()

    def _write(self, run: TrackedRun) -> None:
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
                init_timeout=INIT_SECONDS,
                finish_timeout=FINISH_SECONDS,  # what was not sent by then is in the folder, for `wandb sync`
                **WITHOUT_MACHINE,
            ),
        )
