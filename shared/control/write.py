"""Write the output of a command to a place that the user chose, without overwriting other files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from shared.domain.errors import ConfigError, Conflict
from shared.storage.folders import write_text


def check_output(path: Path | None) -> None:
    """Raise ConfigError if `write_output` could not write to `path`."""
    if path is not None and path.is_dir():
        raise ConfigError("is a folder", place=str(path), remedy="name a file in it with --output")


def write_output(text: str, path: Path | None) -> None:
    """Write `text` to a file, completely or not at all, or to the screen. Raises ConfigError if that fails."""
    if path is None:
        sys.stdout.write(text)
        return
    check_output(path)
    try:
        write_text(path, text)
    except OSError as error:
        raise ConfigError(str(error.strerror), place=str(path), remedy="choose another --output") from None


def write_new(files: Mapping[Path, str], *, option: str) -> None:
    """Write text files, all of them or none; `option` is the option that chooses other paths for them.

    Raises Conflict for a file that exists already, ConfigError for a path that cannot be written.
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
        problem, remedy = f"cannot be written: {error.strerror}", f"choose another {option}"
        raise ConfigError(problem, place=str(path), remedy=remedy) from None
