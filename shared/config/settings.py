"""What the operator of a worker sets: environment variables, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain.errors import ConfigError

PREFIX = "SWEEP_"
TIMING = ("lease_seconds", "heartbeat_seconds", "reap_seconds", "republish_seconds", "tick_seconds")


class WorkerSettings(BaseModel):
    """The timing and the rights of one worker; each field is a variable: `SWEEP_LEASE_SECONDS` ..."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    lease_seconds: float = Field(120, gt=0, description="Silence after which a run is taken from its worker (seconds).")
    heartbeat_seconds: float = Field(5, gt=0, description="Between two renewals of a lease (seconds).")
    reap_seconds: float = Field(10, gt=0, description="Between two looks at the leases (seconds).")
    republish_seconds: float = Field(30, gt=0, description="Between two notifications for a run that waits (seconds).")
    tick_seconds: float = Field(1, gt=0, description="Between two looks at the live sweeps (seconds).")
    stop_grace_seconds: float = Field(20, gt=0, description="What a training gets to end when it is told to (seconds).")
    watchdog_seconds: float = Field(
        180, gt=0, description="Deafness, with messages waiting, after which a worker ends (seconds)."
    )
    log_retention_days: float | None = Field(
        None, gt=0, description="Days after its end when a sweep's log is dropped, its records kept; unset: never."
    )
    slots: int | None = Field(None, ge=1, description="Runs at once; unset: visible GPUs, else a quarter of the cores.")
    allow: tuple[str, ...] = Field((), description="Entry points beyond the built-in ones, separated by commas.")

    @property
    def lease_ms(self) -> int:
        """The lease in milliseconds, as the store takes it."""
        return int(self.lease_seconds * 1000)

    @property
    def timing(self) -> dict[str, float]:
        """All that workers of one store should have alike (seconds), by name."""
        return {name: getattr(self, name) for name in TIMING}


def worker_settings(environment: Mapping[str, str] = os.environ) -> WorkerSettings:
    """Read the settings. Raises ConfigError naming the variable."""
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
        raise ConfigError(f"{variable} is {first['input']!r}: {first['msg'].lower()}: mend or unset it") from None
    if settings.lease_seconds < 2 * settings.heartbeat_seconds:
        raise ConfigError(
            f"{PREFIX}LEASE_SECONDS is {settings.lease_seconds:g}: set it to {2 * settings.heartbeat_seconds:g} "
            f"or more (two heartbeats), or lower {PREFIX}HEARTBEAT_SECONDS"
        )
    return settings


def data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that everything is kept in: DATA_DIR, else ./train_dir."""
    return Path(environment.get("DATA_DIR") or "train_dir")
