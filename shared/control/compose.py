"""Compose the job of a command, and check it together with the settings of Protein."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.config.compose import Composed, compose
from shared.config.extras import check_extras
from shared.config.protein import ProteinSettings
from shared.config.schema import SweepJob
from shared.domain.errors import ConfigError
from shared.tracking.credentials import check_wandb_key, has_wandb_key

LOW_DISK_BYTES = 5 * 10**9


def compose_job(
    name: str | None, overrides: Sequence[str], *, config_dir: Path | None, data_dir: Path | None, pin: bool
) -> Composed:
    """Return the composed, validated job; a first argument like `key=value` is an override, not a name.

    Raises ConfigError; writes nothing.
    """
    given = list(overrides)
    if name is not None and ("=" in name or name.startswith(("+", "~"))):
        given, name = [name, *given], None
    place = data_dir.absolute() if data_dir else None
    composed = compose(name, given, config_dir=config_dir, data_dir=place, pin=pin, validate_protein=_validate)
    if composed.job.wandb.mode == "online" and not has_wandb_key():
        remedy = "set WANDB_API_KEY, or use wandb=offline"
        raise ConfigError("this machine has no key for wandb=online", remedy=remedy)
    job = composed.job
    cap = job.sweep.protein.get("max_suggestion_cost")
    if job.cost != "seconds" and cap is not None:
        note = (
            f"protein.max_suggestion_cost is {cap} in the unit of `cost`, which is {job.cost}: "
            "if you meant seconds, add sweep.protein.max_suggestion_cost=null"
        )
        return replace(composed, notes=(*composed.notes, note))
    return composed


def doubts(job: SweepJob, data_dir: Path) -> Iterator[str]:
    """Yield a warning for each thing that may fail later.

    Raises TrackerDenied for a key that W&B refuses, ConfigError for a method whose package is missing here.
    """
    check_extras(job)
    if job.wandb.mode == "online" and (why := check_wandb_key()):
        yield f"could not check the key for W&B, because {why}: if W&B refuses it, the sweep is tracked offline"
    place, free = free_bytes(data_dir)
    if free < LOW_DISK_BYTES:
        yield f"only {free / 1e9:.1f} GB free in {place}: checkpoints may not fit; free some, or use another --data-dir"


def free_bytes(data_dir: Path) -> tuple[Path, int]:
    """Return the nearest existing folder at or above a data folder, and its free space (bytes)."""
    place = next(folder for folder in (data_dir, *data_dir.parents) if os.path.exists(folder))  # noqa: PTH110 - never raises
    return place, shutil.disk_usage(place).free


def _validate(settings: Mapping[str, Any]) -> list[str]:
    return list(ProteinSettings.from_config(settings).notes())
