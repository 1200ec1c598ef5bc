"""A dry run of a sweep: everything that can be found out before GPUs are spent on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from shared.config.schema import SweepJob
from shared.control.check_fleet import examine_fleet
from shared.control.check_space import examine_space
from shared.control.compose import doubts
from shared.control.findings import Finding
from shared.control.steps import OnStep
from shared.domain.errors import SweepError
from shared.execution.permission import misses_code
from shared.local.doctor import examine_folder, examine_store
from shared.local.location import located_store
from shared.local.trial import judge, try_a_run
from shared.storage.identity import identify


def check_config(job: SweepJob, data_dir: Path) -> Iterator[Finding]:
    """Yield the findings about the config of a job; nothing is started.

    Raises TrackerDenied for a key that W&B refuses, ConfigError for a method whose package is missing here.
    """
    unnamed = "" if "metric" in job.sweep.model_fields_set else "; no metric is named, so reward is used"
    text = f"composes: {job.trainer.kind}, {job.sweep.method}, {job.sweep.goal} {job.sweep.metric}{unnamed}"
    yield Finding("ok", "config", text)
    for doubt in doubts(job, data_dir):
        yield Finding("warn", "config", doubt)
    yield from examine_space(job)
    yield from examine_folder()


def check_code(job: SweepJob) -> Iterator[Finding]:
    """Yield what is missing of the code that a job names; nothing of it is imported or started."""
    if missing := misses_code(job):
        yield Finding("fail", "training", str(missing))


def check_run(job: SweepJob, *, seconds: float, on_step: OnStep) -> list[Finding]:
    """Return the findings about one run of at most `seconds`, carried out on this machine."""
    return list(judge(job, try_a_run(job, seconds=seconds, on_step=on_step)))


def check_fleet(job: SweepJob, data_dir: Path, redis: str | None) -> Iterator[Finding]:
    """Yield the findings about the fleet that is named by `redis` or REDIS_URL; none without one."""
    if not redis and not os.environ.get("REDIS_URL"):
        return
    try:
        with located_store(data_dir, redis_url=redis, purpose="join") as store:
            yield from examine_store(store)
            yield from examine_fleet(job, store.fleet.live(), here=identify(data_dir))
    except SweepError as error:
        yield Finding("fail", "store", str(error))
