"""Train the best configuration of a sweep again, for longer if asked, as a sweep of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

from shared.config.checks import with_values
from shared.config.compose import recompose
from shared.config.frozen import job_of, job_of_run, to_plain
from shared.config.names import slug
from shared.config.schema import Budget, SweepConfig, SweepJob
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.storage.folders import RunFolder


def best_job(
    sweep: Sweep,
    best: Run,
    overrides: Sequence[str],
    *,
    config_dir: Path | None = None,
    data_dir: Path | None = None,
    now: datetime | None = None,
) -> SweepJob:
    """Return the job of a rollout that trains like the run `best` of `sweep`, except for the `overrides`.

    Nothing is searched: each parameter has one value. Its name contains the time `now`, unless the overrides give
    a name. Raises ConfigError.
    """
    trained = job_of_run(job_of(sweep), best.params)
    usual = slug(f"{sweep.name}-best-{now or datetime.now():%Y%m%d-%H%M%S}")
    job = recompose(trained, overrides, sweep_run=usual, config_dir=config_dir, data_dir=data_dir)
    one = {"budget": Budget(max_runs=1), "parallelism": 1, "look_ahead": 0}
    return job.model_copy(update={**one, "sweep": _of_one_point(job, best.params)})


def _of_one_point(job: SweepJob, params: Mapping[str, Any]) -> SweepConfig:
    """Return a search in which each parameter has only one value: that of the job's config."""
    plain = to_plain(job)
    values = {path: reduce(lambda node, key: node[key], path.split("."), plain) for path in params}
    space = with_values({}, {path: {"distribution": "categorical", "values": [values[path]]} for path in params})
    return SweepConfig(metric=job.sweep.metric, goal=job.sweep.goal, method="random", parameters=space)


def places_of(job: SweepJob, run: Run) -> dict[str, str | None]:
    """Return the paths of a run's folder, its last checkpoint and its training log; None for a missing one."""
    folder = RunFolder(Path(job.runs_dir) / run.id)
    checkpoint = folder.checkpoints / run.checkpoint.path if run.checkpoint else None
    log = folder.log_file("train", run.attempt)
    return {
        "folder": str(folder.path),
        "checkpoint_folder": str(checkpoint) if checkpoint else None,
        "log_file": str(log) if log.exists() else None,
    }
