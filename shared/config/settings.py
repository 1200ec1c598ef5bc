"""What the operator of a worker sets: environment variables, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain.wording import expected_by, wrong_value

PREFIX = "SWEEP_"
TIMING = ("lease_seconds", "heartbeat_seconds", "reap_seconds", "republish_seconds", "tick_seconds")


class WorkerSettings(BaseModel):
    """The timing and the rights of one worker; each field is a variable: `SWEEP_LEASE_SECONDS` ..."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    lease_seconds: float = Field(120, gt=0, description="Silence after which a run is taken from its worker (seconds).")
    heartbeat_seconds: float = Field(5, gt=0, description="Time between two renewals of a lease (seconds).")
    reap_seconds: float = Field(10, gt=0, description="Time between two checks of the leases (seconds).")
    republish_seconds: float = Field(
        30, gt=0, description="Time between two notifications about a waiting run (seconds)."
    )
    tick_seconds: float = Field(1, gt=0, description="Time between two checks of the live sweeps (seconds).")
    stop_grace_seconds: float = Field(20, gt=0, description="Time that a training has to stop (seconds).")
    watchdog_seconds: float = Field(
        180, gt=0, description="Time without a message, while messages wait, after which a worker ends (seconds)."
    )
    log_retention_days: float | None = Field(
        None,
        gt=0,
        description="Days after which the log of a finished sweep is deleted, but not its records; unset: never.",
    )
    slots: int | None = Field(None, ge=1, description="Runs at once; unset: visible GPUs, else a quarter of the cores.")
    allow: tuple[str, ...] = Field((), description="Entry points beyond the built-in ones, separated by commas.")

    @property
    def lease_ms(self) -> int:
        """The lease in milliseconds, as the store takes it."""
        return int(self.lease_seconds * 1000)

    @property
    def timing(self) -> dict[str, float]:
        """The settings that all workers of one store should share (seconds), by name."""
        return {name: getattr(self, name) for name in TIMING}


def worker_settings(environment: Mapping[str, str] = os.environ) -> WorkerSettings:
    """Read the settings. Raises ConfigError with the variable."""
    given: dict[str, object] = {}
    for name in WorkerSettings.model_fields:
        text = environment.get(PREFIX + name.upper(), "").strip()
        if text:
            given[name] = tuple(part.strip() for part in text.split(",")) if name == "allow" else text
    try:
        settings = WorkerSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        raise wrong_value(variable, first["input"], expected_by(first), "correct it or unset it") from None
    least = 2 * settings.heartbeat_seconds
    if settings.lease_seconds < least:
        expected, remedy = f"{least:g} or more (two heartbeats)", f"raise it, or lower {PREFIX}HEARTBEAT_SECONDS"
        raise wrong_value(f"{PREFIX}LEASE_SECONDS", settings.lease_seconds, expected, remedy)
    return settings


def data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the data folder: DATA_DIR, else ./train_dir."""
    return Path(environment.get("DATA_DIR") or "train_dir")
