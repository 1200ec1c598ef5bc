"""Checkpoints of a run: verified before they are used, copied, pruned. `protein_sweeps._checkpoint` writes them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from protein_sweeps import _checkpoint
from protein_sweeps._checkpoint import MANIFEST, STATE, files_below
from shared.domain.errors import NotFound
from shared.domain.run import Checkpoint
from shared.storage.folders import RunFolder


def write_checkpoint(
    folder: RunFolder, *, run: str, attempt: int, step: int, save: Callable[[Path], object]
) -> Checkpoint:
    """Let `save` write to the path that it gets, and return the checkpoint when all of it is on the disk.

    Raises ValueError when `save` wrote nothing, or a symbolic link.
    """
    written = _checkpoint.write_checkpoint(folder.checkpoints, run=run, attempt=attempt, step=step, save=save)
    return Checkpoint(**written._asdict())


@dataclass(frozen=True)
class OpenedCheckpoint:
    """The newest complete checkpoint, with the path that was saved; `faults` say why newer ones cannot be used."""

    checkpoint: Checkpoint | None = None
    path: Path | None = None
    faults: tuple[str, ...] = ()


def open_newest(folder: RunFolder, checkpoints: Sequence[Checkpoint]) -> OpenedCheckpoint:
    """Return the newest checkpoint of which every byte is as it was written; they are in the order of their commits."""
    faults: list[str] = []
    for checkpoint in reversed(checkpoints):
        try:
            return OpenedCheckpoint(checkpoint, open_checkpoint(folder, checkpoint), tuple(faults))
        except NotFound as reason:
            faults.append(str(reason))
    return OpenedCheckpoint(faults=tuple(faults))


def open_checkpoint(folder: RunFolder, checkpoint: Checkpoint) -> Path:
    """Return the path that was saved, after every byte is verified. Raises NotFound if it is missing or was changed."""
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
        raise NotFound(f"{complaint}: its manifest is invalid") from None
    if run != folder.path.name:
        raise NotFound(f"{complaint}: it belongs to run {run}")
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_symlink() or not path.is_dir()}
    if surplus := found - {MANIFEST, *files}:
        raise NotFound(f"{complaint}: {min(surplus)} was added since it was written")
    for name, digest in files.items():
        file = place / name
        # Everything in `found` is below `place`, so a name with `..` in it, or an absolute one, is not in it.
        if name not in found or file.is_symlink() or not file.is_file() or _checkpoint.digest(file) != digest:
            raise NotFound(f"{complaint}: {name} is missing or was changed since it was written")
    return _saved_path(place)


def copy_checkpoint(source: RunFolder, checkpoint: Checkpoint, target: RunFolder) -> Checkpoint:
    """Copy a checkpoint of the run in `source` to the run in `target`, and return it.

    Files are hard links where the file system has them, else copies: each can be deleted alone. The attempt is 0, since
    the new run had no training. Raises NotFound if the checkpoint to copy is missing or was changed.
    """
    open_checkpoint(source, checkpoint)
    place = source.checkpoints / checkpoint.path

    def save(state: Path) -> None:
        files = [path for path in files_below(place) if path != place / MANIFEST]
        for file in files:
            copy = state.parent / file.relative_to(place)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(file, copy)

    made = write_checkpoint(target, run=target.path.name, attempt=0, step=checkpoint.step, save=save)
    return made.model_copy(update={"train_seconds": checkpoint.train_seconds})


def prune_checkpoints(folder: RunFolder, kept: Collection[Checkpoint], *, attempt: int) -> None:
    """Delete checkpoints that are older than the newest of `kept` and not in `kept`, and files of killed writers.

    An unfinished checkpoint of `attempt` is not deleted: it may be written right now.
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
    # Some libraries add a suffix to the path that they save to.
    state = place / STATE
    entries = [path for path in place.iterdir() if path.name != MANIFEST]
    return entries[0] if not state.exists() and len(entries) == 1 else state


def _link_or_copy(file: Path, copy: Path) -> None:
    try:
        copy.hardlink_to(file)
    except OSError:  # another file system, or one without links
        shutil.copyfile(file, copy)
