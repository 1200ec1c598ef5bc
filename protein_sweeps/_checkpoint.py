"""Writes checkpoints atomically: a checkpoint is complete, or there is none. Standard library only.

A checkpoint is a folder `<step>.a<attempt>` with the file or folder `state`, which the training saved, and a
`manifest.json`: step, run, attempt, and the sha256 of every file. The run's record has the name of the folder and the
digest of the manifest, so a file that changed later is never loaded. The attempt is part of the name, so a writer that
has lost the run overwrites nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Callable, NamedTuple

STATE, MANIFEST = "state", "manifest.json"
CHUNK_BYTES = 2**20


class WrittenCheckpoint(NamedTuple):
    """A checkpoint on the disk: its step, the name of its folder, and the sha256 of its manifest."""

    step: int
    path: str
    sha256: str


def write_checkpoint(
    folder: Path, *, run: str, attempt: int, step: int, save: Callable[[Path], object]
) -> WrittenCheckpoint:
    """Call `save` with a path below `folder` and return the checkpoint after all of it is on the disk.

    A second call for the same attempt and step returns the first checkpoint: a record may name it already.
    Raises ValueError if `save` wrote nothing, or a symbolic link; OSError if the files cannot be written.
    """
    name = f"{step:012d}.a{attempt}"
    beside, final = folder / f".{name}.new", folder / name
    if final.exists():
        return WrittenCheckpoint(step, name, digest(final / MANIFEST))
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    save(beside / STATE)
    files = {str(path.relative_to(beside)): _flushed_digest(path) for path in files_below(beside)}
    link = next((path for path in beside.rglob("*") if path.is_symlink()), None)
    if link is not None or not files:
        shutil.rmtree(beside)
        fault = (
            f"a symbolic link, {link.name}: write a plain file" if link else "nothing: write to the path it is given"
        )
        raise ValueError(f"checkpoint at step {step}: save() wrote {fault}")
    manifest = json.dumps({"run": run, "attempt": attempt, "step": step, "files": files}, indent=1, sort_keys=True)
    (beside / MANIFEST).write_text(manifest)
    _flushed_digest(beside / MANIFEST)
    flush_folder(beside)
    beside.rename(final)
    flush_folder(folder)
    return WrittenCheckpoint(step, name, hashlib.sha256(manifest.encode()).hexdigest())


def files_below(place: Path) -> list[Path]:
    """Return the files below a folder, in the order of their paths."""
    return sorted(path for path in place.rglob("*") if path.is_file())


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def flush_folder(folder: Path) -> None:
    """Write the entries of `folder` to the disk, so that a rename in it survives a power cut."""
    _flush(folder)


def _flushed_digest(path: Path) -> str:
    _flush(path)
    return digest(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
