"""Checkpoints that are either whole or not there.

A checkpoint is a folder `<step>.a<attempt>` with what the training saved as `state`, and a `manifest.json`: step, run,
attempt, and the sha256 of every file. The run's record names the folder and the digest of the manifest, so that a file
that changed afterwards is never loaded. The attempt is part of the name: a late writer overwrites nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from shared.domain.errors import NotFound
from shared.domain.run import Checkpoint
from shared.storage.folders import RunFolder, flush_folder

STATE, MANIFEST = "state", "manifest.json"


def write_checkpoint(
    folder: RunFolder, *, run: str, attempt: int, step: int, save: Callable[[Path], object]
) -> Checkpoint:
    """Let `save` write to the path it is given, and return the checkpoint once all of it is on the disk.

    A second call for the same attempt and step returns the first one's: a record may name it already.
    Raises ValueError when `save` wrote nothing, or a symbolic link.
    """
    name = f"{step:012d}.a{attempt}"
    beside, final = folder.checkpoints / f".{name}.new", folder.checkpoints / name
    if final.exists():
        return Checkpoint(step=step, path=name, sha256=_digest(final / MANIFEST))
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    save(beside / STATE)
    files = {str(path.relative_to(beside)): _flushed_digest(path) for path in _files(beside)}
    if link := next((path for path in beside.rglob("*") if path.is_symlink()), None):
        shutil.rmtree(beside)
        raise ValueError(f"checkpoint at step {step}: save() wrote a symbolic link, {link.name}: write a plain file")
    if not files:
        shutil.rmtree(beside)
        raise ValueError(f"checkpoint at step {step}: save() wrote nothing to the path that it was given")
    manifest = json.dumps({"run": run, "attempt": attempt, "step": step, "files": files}, indent=1, sort_keys=True)
    (beside / MANIFEST).write_text(manifest)
    _flushed_digest(beside / MANIFEST)
    flush_folder(beside)
    beside.rename(final)
    flush_folder(folder.checkpoints)
    return Checkpoint(step=step, path=name, sha256=hashlib.sha256(manifest.encode()).hexdigest())


def open_checkpoint(folder: RunFolder, checkpoint: Checkpoint) -> Path:
    """Return the path that was saved, every byte verified. Raises NotFound when it is missing or was changed."""
    place = folder.checkpoints / checkpoint.path
    complaint = f"checkpoint {place}"
    if Path(checkpoint.path).name != checkpoint.path or checkpoint.path in ("", "..") or place.is_symlink():
        raise NotFound(f"{complaint}: not a plain folder of this run")
    try:
        text = (place / MANIFEST).read_text()
    except (OSError, UnicodeDecodeError):
        raise NotFound(f"{complaint}: its manifest is missing or unreadable") from None
    if hashlib.sha256(text.encode()).hexdigest() != checkpoint.sha256:
        raise NotFound(f"{complaint}: its manifest is not the one that was committed")
    try:
        manifest = json.loads(text)
        run, files = manifest["run"], dict(manifest["files"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise NotFound(f"{complaint}: its manifest is none") from None
    if run != folder.path.name:
        raise NotFound(f"{complaint}: it belongs to run {run}")
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_symlink() or not path.is_dir()}
    if surplus := found - {MANIFEST, *files}:
        raise NotFound(f"{complaint}: {min(surplus)} was added since it was written")
    for name, digest in files.items():
        file = place / name
        # What was found lies below `place`: a name with `..` in it, or an absolute one, was not.
        if name not in found or file.is_symlink() or not file.is_file() or _digest(file) != digest:
            raise NotFound(f"{complaint}: {name} is missing or was changed since it was written")
    return _saved_path(place)


def copy_checkpoint(source: RunFolder, checkpoint: Checkpoint, target: RunFolder) -> Checkpoint:
    """Return a checkpoint of the run in `target` that holds what the one of the run in `source` does, byte for byte.

    Files are linked where the file system can, else copied; deleting one leaves the other. It is of attempt 0: the new
    run had no training. Raises NotFound when the one to copy is missing or was changed.
    """
    open_checkpoint(source, checkpoint)
    place = source.checkpoints / checkpoint.path

    def save(state: Path) -> None:
        files = [path for path in _files(place) if path != place / MANIFEST]
        for file in files:
            copy = state.parent / file.relative_to(place)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(file, copy)

    made = write_checkpoint(target, run=target.path.name, attempt=0, step=checkpoint.step, save=save)
    return made.model_copy(update={"train_seconds": checkpoint.train_seconds})


def prune_checkpoints(folder: RunFolder, kept: Collection[Checkpoint], *, attempt: int) -> None:
    """Delete what is older than the newest of `kept` and not among them, leftovers of killed writers included.

    What `attempt` has not finished writing stays: its writer may be at it.
    """
    newest = max((checkpoint.step for checkpoint in kept), default=-1)
    names = {checkpoint.path for checkpoint in kept}
    for place in folder.checkpoints.glob("*"):
        if place.name.endswith(f".a{attempt}.new"):
            continue
        step = place.name.lstrip(".").partition(".")[0]
        if place.name not in names and step.isdecimal() and int(step) <= newest and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)


def _saved_path(place: Path) -> Path:
    # Some libraries add a suffix to the path they save to: then that file is what was saved.
    state = place / STATE
    entries = [path for path in place.iterdir() if path.name != MANIFEST]
    return entries[0] if not state.exists() and len(entries) == 1 else state


def _link_or_copy(file: Path, copy: Path) -> None:
    try:
        copy.hardlink_to(file)
    except OSError:  # another file system, or one without links
        shutil.copyfile(file, copy)


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flushed_digest(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return _digest(path)
