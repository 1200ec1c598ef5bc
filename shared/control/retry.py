"""Try runs again that ended without a score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.control.steer import TRIES, track_again
from shared.domain.errors import Conflict, IllegalMove, NotFound, Stale
from shared.domain.run import Run, RunState, retry, sweep_of
from shared.domain.sweep import Sweep, SweepState, reopen
from shared.storage.folders import RunFolder
from shared.storage.records import write_run
from shared.store.ledger import Change
from shared.store.store import Store


@dataclass(frozen=True)
class Retried:
    """The sweep as it is now, whether it was finished before, and the runs that wait again."""

    sweep: Sweep
    was_finished: bool
    runs: tuple[Run, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        runs = [{"run": run.id, "state": run.state, "step": run.steps} for run in self.runs]
        return {"sweep": self.sweep.name, "state": self.sweep.state, "reopened": self.was_finished, "runs": runs}


def retry_run(store: Store, run_id: str) -> Retried:
    """Queue a failed or cancelled run again. Raises NotFound, and Conflict where the run or its sweep forbid it."""
    sweep, number = sweep_of(store.runs.get(run_id).id)
    return _retry(store, sweep, number)


def retry_failed(store: Store, sweep: str) -> Retried:
    """Queue all failed runs of a sweep again. Raises NotFound when none failed, Conflict where the sweep forbids it."""
    return _retry(store, sweep, None)


def _retry(store: Store, name: str, number: int | None) -> Retried:
    """Queue the run `number`, or all failed ones, and commit the sweep with them.

    The commit fails if the sweep has changed, so that nobody can finish the sweep without these runs.
    """
    for _ in range(TRIES):
        sweep = store.sweeps.get(name)
        before = store.runs.in_states(name, [RunState.FAILED])
        if number is not None:
            before = [store.runs.get(f"{name}.r.{number}")]
        if not before:
            raise NotFound(f"no run of sweep {name} has failed: see `sweepctl runs {name}`")
        try:
            runs = [retry(run) for run in before]
            again = reopen(sweep, now=store.sweeps.now())
        except IllegalMove as reason:
            raise Conflict(str(reason)) from None
        track_again(store, sweep)
        for run in runs:
            _write_mirror(sweep, run)
        moved = [Change(old, new) for old, new in zip(before, runs, strict=True)]
        try:
            again = store.sweeps.commit(sweep, again, moved)
        except Stale:
            continue
        if again.state is SweepState.PAUSED:
            for run in runs:
                store.runs.unmark_due(run)
        return Retried(again, sweep.is_finished, tuple(runs))
    raise Conflict(f"sweep {name} changes too fast: try again")


def _write_mirror(sweep: Sweep, run: Run) -> None:
    # Otherwise a restore would bring it back as failed. The folder may be on another machine.
    folder = RunFolder(Path(sweep.runs_dir) / run.id)
    if folder.record_file.exists():
        write_run(folder, run)
