"""The id of a data folder: whoever reads the same one there has the same file system under it."""

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
    """What a process found out about its data folder; `fault` says why it cannot be used."""

    id: str | None = None
    fault: str | None = None


def identify(data_dir: Path) -> Storage:
    """Write to a data folder, and return the id that is kept there: the first one to come gives it one."""
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
    """Make `ours` what is kept, whole or not at all, unless something is kept already."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(ours, kept)
        except FileExistsError:
            raise
        except OSError:  # a file system without links: two that come at once may differ, until they start again
            if not kept.exists():
                ours.replace(kept)
