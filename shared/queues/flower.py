"""Refuses a Flower without its settings, which would listen on every address without a password."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.domain.errors import ConfigError

SETTINGS = "flowerconfig.py"


def refuse_open_flower(arguments: Sequence[str], folder: Path) -> None:
    """Raise ConfigError when `celery ... flower` is started where it would not read its settings."""
    if "flower" not in arguments or any(argument.startswith("--conf") for argument in arguments):
        return
    if not (folder / SETTINGS).is_file():
        raise ConfigError(
            f"no {SETTINGS} in {folder}, without which Flower listens on every address without a password",
            remedy=f"start it in the repository's folder, or add --conf=PATH/{SETTINGS}",
        )
