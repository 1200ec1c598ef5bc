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
    """Return what is said where Optuna is missing."""
    return ConfigError(
        f"sweep.method is {method}, but Optuna is not installed here: pip install 'protein-sweeps[optuna]'"
    )
