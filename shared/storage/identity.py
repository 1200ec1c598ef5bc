"""The id of a data folder: machines that read the same id there share the file system."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

ID_FILE = ".storage-id"
LONGEST = 64


@dataclass(frozen=True)
class Storage:
    """The id of a process's data folder; `fault` says why the folder cannot be used."""

    id: str | None = None
    fault: str | None = None


def identify(data_dir: Path) -> Storage:
    """Return the id in a data folder, and check that the folder is writable. The first process there sets the id."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        ours, kept = data_dir / f"{ID_FILE}.{secrets.token_hex(4)}", data_dir / ID_FILE
        ours.write_text(secrets.token_hex(8))
        try:
            _give(ours, kept)
            return Storage(kept.read_text()[:LONGEST].strip())
        finally:
            ours.unlink(missing_ok=True)
    except OSError as error:
        return Storage(fault=f"{data_dir} cannot be written to: {error.strerror}")


def _give(ours: Path, kept: Path) -> None:
    """Move `ours` to `kept` in one step, unless `kept` exists already."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(ours, kept)
        except FileExistsError:
            raise
        except (
            OSError
        ):  # a file system without links: two processes at the same moment may read two ids until they restart
            if not kept.exists():
                ours.replace(kept)
