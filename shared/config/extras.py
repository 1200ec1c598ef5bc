"""What a sweep needs beyond the plain install."""

from __future__ import annotations

from importlib.util import find_spec

from shared.config.schema import SweepJob
from shared.domain.errors import ConfigError


def check_extras(job: SweepJob) -> None:
    """Raise ConfigError if the sweep's method needs a package that is not installed here. Imports none."""
    if job.sweep.method.startswith("optuna-") and find_spec("optuna") is None:
        raise needs_optuna(job.sweep.method)


def needs_optuna(method: str) -> ConfigError:
    """Return the error for a machine without Optuna."""
    return ConfigError(
        "Optuna is not installed here",
        path="sweep.method",
        got=method,
        remedy="run pip install 'protein-sweeps[optuna]'",
    )
