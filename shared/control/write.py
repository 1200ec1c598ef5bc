"""Write what a command made where it is wanted, and over nothing that is there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from shared.domain.errors import ConfigError, Conflict
from shared.storage.folders import write_text


def check_output(path: Path | None) -> None:
    """Say beforehand what `write_output` could not write to. Raises ConfigError."""
    if path is not None and path.is_dir():
        raise ConfigError(f"{path}: is a folder: name a file in it with --output")


def write_output(text: str, path: Path | None) -> None:
    """Write `text` to a file, whole or not at all, or to the screen. Raises ConfigError for a place that cannot be."""
    if path is None:
        sys.stdout.write(text)
        return
    check_output(path)
    try:
        write_text(path, text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: choose another --output") from None


def write_new(files: Mapping[Path, str], *, option: str) -> None:
    """Write text files, all of them or none; `option` is what chooses other places for them.

    Raises Conflict for one that exists already, ConfigError for a place that cannot be.
    """
    for path in files:
        if path.exists() or path.is_symlink():
            raise Conflict(f"{path} exists, and nothing is overwritten: choose another {option}")
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for made in written:
            made.unlink()
        raise ConfigError(f"{path} cannot be written: {error.strerror}: choose another {option}") from None
