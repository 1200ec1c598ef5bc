"""Write what a command made where it is wanted."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.domain.errors import ConfigError
from shared.storage.folders import write_text


def write_output(text: str, path: Path | None) -> None:
    """Write `text` to a file, whole or not at all, or to the screen. Raises ConfigError for a place that cannot be."""
    if path is None:
        sys.stdout.write(text)
        return
    try:
        write_text(path, text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: choose another --output") from None
