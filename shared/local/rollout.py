"""Carry out a sweep of one run on this machine, and return piece by piece what it does and what it prints."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from shared.config.schema import SweepJob
from shared.control.stores import Store
from shared.domain.errors import SweepError
from shared.domain.progress import Progress
from shared.domain.run import Run, run_id
from shared.local.run_sweep import LocalSweep
from shared.storage.folders import RunFolder


@dataclass(frozen=True)
class RolloutStep:
    """The run as its record is now, what its training reported last, and what it printed since the last step."""

    run: Run
    progress: Progress | None
    printed: str


def roll_out(store: Store, job: SweepJob, data_dir: Path) -> Generator[RolloutStep, None, None]:
    """Carry out the only run of a job and yield a step several times a second; the last one is how it ended.

    The workers that this starts end with the iteration. Raises what `LocalSweep.follow` raises, and SweepError when
    the sweep ends without a run.
    """
    run: Run | None = None
    logs = _GrowingLogs(RunFolder(Path(job.runs_dir) / run_id(job.sweep_run, 1)).path / "logs")
    with closing(LocalSweep(store, job, data_dir).follow()) as shots:
        for shot in shots:
            if shot.sweep.created:
                run = store.runs.get(run_id(shot.sweep.name, 1))
                yield RolloutStep(run, shot.progress.get(run.number), logs.read())
    if run is None:
        raise SweepError(f"sweep {job.sweep_run} ended without a run: see `sweepctl status {job.sweep_run}`")
    yield RolloutStep(store.runs.get(run.id), None, logs.read())


@dataclass
class _GrowingLogs:
    """Reads what is new in the log files of a folder, the oldest file first."""

    folder: Path
    read_up_to: dict[Path, int] = field(default_factory=dict)

    def read(self) -> str:
        logs = sorted(self.folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
        return "".join(self._read_one(log) for log in logs)

    def _read_one(self, log: Path) -> str:
        before = self.read_up_to.get(log, 0)
        with log.open("rb") as file:
            file.seek(before if before <= log.stat().st_size else 0)  # a log that grows too large is cut
            text = file.read()
            self.read_up_to[log] = file.tell()
        return text.decode(errors="replace")
