"""A checkpoint is whole, or it is not there."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from protein_sweeps._checkpoint import MANIFEST
from shared.domain.errors import NotFound
from shared.domain.run import Checkpoint
from shared.storage.checkpoints import (
    copy_checkpoint,
    open_checkpoint,
    prune_checkpoints,
    write_checkpoint,
)
from shared.storage.folders import RunFolder

RUN = "s.r.1"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """The folder of run s.r.1."""
    return RunFolder(tmp_path / RUN)


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def tree(path: Path) -> None:
    (path / "layers" / "deep").mkdir(parents=True)
    (path / "layers" / "deep" / "weights").write_bytes(b"\0" * 100)
    (path / "head").write_text("head")


def written(folder: RunFolder, step: int = 10, *, attempt: int = 1, content: str = "state") -> Checkpoint:
    return write_checkpoint(folder, run=RUN, attempt=attempt, step=step, save=text(content))


def names(folder: RunFolder) -> list[str]:
    return sorted(path.name for path in folder.checkpoints.iterdir())


def refusal(folder: RunFolder, checkpoint: Checkpoint) -> str:
    with pytest.raises(NotFound) as caught:
        open_checkpoint(folder, checkpoint)
    return str(caught.value)


def test_what_was_saved_is_found_again(folder: RunFolder) -> None:
    checkpoint = written(folder, content="weights")

    assert open_checkpoint(folder, checkpoint).read_text() == "weights"
    assert checkpoint.step == 10
    assert names(folder) == [checkpoint.path]


def test_a_folder_is_saved_with_all_that_is_below_it(folder: RunFolder) -> None:
    checkpoint = write_checkpoint(folder, run=RUN, attempt=1, step=1, save=tree)

    opened = open_checkpoint(folder, checkpoint)

    assert (opened / "head").read_text() == "head"
    assert (opened / "layers" / "deep" / "weights").read_bytes() == b"\0" * 100


def test_a_library_that_adds_a_suffix_finds_its_file(folder: RunFolder) -> None:
    def save(path: Path) -> None:
        path.with_suffix(".npz").write_text("arrays")

    checkpoint = write_checkpoint(folder, run=RUN, attempt=1, step=1, save=save)

    opened = open_checkpoint(folder, checkpoint)
    assert (opened.name, opened.read_text()) == ("state.npz", "arrays")


def test_a_save_that_writes_nothing_is_refused_and_leaves_nothing(folder: RunFolder) -> None:
    with pytest.raises(ValueError, match=r"step 10: save\(\) wrote nothing: write to the path it is given"):
        write_checkpoint(folder, run=RUN, attempt=1, step=10, save=lambda path: None)

    assert names(folder) == []


def test_a_save_that_writes_a_link_is_refused_at_once_and_not_when_it_is_needed(folder: RunFolder) -> None:
    def save(path: Path) -> None:
        path.write_text("state")
        path.with_name("latest").symlink_to(path)

    with pytest.raises(ValueError, match="wrote a symbolic link, latest: write a plain file"):
        write_checkpoint(folder, run=RUN, attempt=1, step=10, save=save)

    assert names(folder) == []


def test_a_save_that_raises_leaves_nothing_that_could_be_loaded_and_can_be_tried_again(folder: RunFolder) -> None:
    def save(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_checkpoint(folder, run=RUN, attempt=1, step=10, save=save)
    assert [name for name in names(folder) if not name.startswith(".")] == []

    assert open_checkpoint(folder, written(folder)).read_text() == "state"


@pytest.mark.parametrize("where", ["in save", "before the rename"])
def test_a_writer_that_is_killed_leaves_nothing_that_could_be_loaded(folder: RunFolder, where: str) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from protein_sweeps import _checkpoint
from shared.storage import checkpoints
from shared.storage.folders import RunFolder

def die(*_): os.kill(os.getpid(), signal.SIGKILL)

def save(path):
    path.write_text("half")
    if {where == "in save"}:
        die()

if {where == "before the rename"}:
    _checkpoint.flush_folder = die  # the last thing before the rename
checkpoints.write_checkpoint(RunFolder(Path(sys.argv[1])), run="{RUN}", attempt=1, step=10, save=save)
"""
    killed = subprocess.run([sys.executable, "-c", program, str(folder.path)], check=False, timeout=30)

    assert killed.returncode == -signal.SIGKILL
    (leftover,) = names(folder)
    assert leftover.startswith(".")
    fresh = written(folder, attempt=2)
    assert open_checkpoint(folder, fresh).read_text() == "state"
    prune_checkpoints(folder, [fresh], attempt=2)
    assert names(folder) == [fresh.path]


def test_the_same_step_of_the_same_attempt_is_written_once(folder: RunFolder) -> None:
    first = written(folder, content="first")

    second = written(folder, content="second")

    assert second == first
    assert open_checkpoint(folder, first).read_text() == "first"


def test_a_late_writer_of_an_earlier_attempt_overwrites_nothing(folder: RunFolder) -> None:
    new = written(folder, attempt=2, content="new")

    written(folder, attempt=1, content="late")

    assert open_checkpoint(folder, new).read_text() == "new"


# ------------------------------------------------------------------------------------------------ verification


def flip(place: Path) -> None:
    content = bytearray((place / "state").read_bytes())
    content[0] ^= 1
    (place / "state").write_bytes(content)


def edit_manifest(place: Path) -> None:
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**manifest, "step": 99}))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "truncated": lambda place: (place / "state").write_bytes(b"sta"),
    "emptied": lambda place: (place / "state").write_bytes(b""),
    "file missing": lambda place: (place / "state").unlink(),
    "manifest missing": lambda place: (place / "manifest.json").unlink(),
    "manifest edited": edit_manifest,
    "manifest binary": lambda place: (place / "manifest.json").write_bytes(b"\xff\xfe\0"),
    "file added": lambda place: (place / "extra").write_text("x"),
    "link added": lambda place: (place / "extra").symlink_to("/etc/passwd"),
    "folder linked": lambda place: (place / "extra").symlink_to("/etc", target_is_directory=True),
    "moved away": lambda place: place.rename(place.with_name("elsewhere")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_checkpoint_that_changed_since_it_was_committed_is_not_loaded(folder: RunFolder, damage: str) -> None:
    checkpoint = written(folder)

    DAMAGE[damage](folder.checkpoints / checkpoint.path)

    assert str(folder.checkpoints / checkpoint.path) in refusal(folder, checkpoint)


def test_a_file_that_was_replaced_by_a_link_to_the_same_content_is_not_loaded(
    folder: RunFolder, tmp_path: Path
) -> None:
    checkpoint = written(folder)
    state = folder.checkpoints / checkpoint.path / "state"
    state.rename(tmp_path / "outside")
    state.symlink_to(tmp_path / "outside")

    assert "state is missing or was changed" in refusal(folder, checkpoint)


def test_a_record_that_names_a_path_outside_the_folder_is_refused(folder: RunFolder, tmp_path: Path) -> None:
    checkpoint = written(folder)
    other = RunFolder(tmp_path / "other")
    other.checkpoints.mkdir(parents=True)

    for path in (f"../../{RUN}/checkpoints/{checkpoint.path}", str(folder.checkpoints / checkpoint.path), "..", ""):
        assert "not a plain folder" in refusal(other, checkpoint.model_copy(update={"path": path}))


def with_manifest(folder: RunFolder, text: str) -> Checkpoint:
    """Return a checkpoint whose manifest says something else, and whose record agrees with it."""
    checkpoint = written(folder)
    (folder.checkpoints / checkpoint.path / MANIFEST).write_text(text)
    return checkpoint.model_copy(update={"sha256": hashlib.sha256(text.encode()).hexdigest()})


@pytest.mark.parametrize("absolute", [True, False])
def test_a_manifest_that_names_a_file_outside_its_folder_is_refused(
    folder: RunFolder, tmp_path: Path, absolute: bool
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("of somebody else")
    name = str(outside) if absolute else os.path.relpath(outside, folder.checkpoints / written(folder).path)
    digests = {"state": hashlib.sha256(b"state").hexdigest(), name: hashlib.sha256(outside.read_bytes()).hexdigest()}

    said = refusal(folder, with_manifest(folder, json.dumps({"run": RUN, "files": digests})))

    assert said.endswith(f"{name} is missing or was changed since it was written")


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", "null", '{"run": "s.r.1", "files": 3}', "[" * 100_000])
def test_an_invalid_manifest_is_refused_even_if_the_record_agrees(folder: RunFolder, text: str) -> None:
    assert refusal(folder, with_manifest(folder, text)).endswith("its manifest is invalid")


@pytest.mark.parametrize("inside", ["state", "layers"])
def test_a_link_in_the_path_of_a_checkpoint_is_refused(folder: RunFolder, tmp_path: Path, inside: str) -> None:
    checkpoint = write_checkpoint(folder, run=RUN, attempt=1, step=1, save=tree)
    place = folder.checkpoints / checkpoint.path / "state"
    moved = place if inside == "state" else place / inside
    moved.rename(tmp_path / "elsewhere")
    moved.symlink_to(tmp_path / "elsewhere")

    assert "was added since it was written" in refusal(folder, checkpoint)


def test_a_checkpoint_of_another_run_is_refused_even_if_every_byte_is_right(folder: RunFolder, tmp_path: Path) -> None:
    checkpoint = written(folder)
    other = RunFolder(tmp_path / "s.r.2")
    other.path.mkdir()
    folder.checkpoints.rename(other.checkpoints)

    assert "it belongs to run s.r.1" in refusal(other, checkpoint)


# ------------------------------------------------------------------------------------------------ pruning


def test_pruning_keeps_what_the_record_names_and_what_is_newer(folder: RunFolder) -> None:
    saved = {step: written(folder, step) for step in (10, 20, 30, 40)}

    prune_checkpoints(folder, [saved[20], saved[30]], attempt=1)

    assert names(folder) == [saved[20].path, saved[30].path, saved[40].path]


def test_pruning_without_a_record_deletes_nothing(folder: RunFolder) -> None:
    saved = written(folder)

    prune_checkpoints(folder, [], attempt=1)

    assert names(folder) == [saved.path]


def test_pruning_leaves_alone_what_is_being_written_and_what_is_not_ours(folder: RunFolder) -> None:
    kept = written(folder, 50, attempt=2)
    for name in (".000000000020.a1.new", ".000000000020.a2.new", "notes", "2024"):
        (folder.checkpoints / name).mkdir()
    (folder.checkpoints / "000000000001.a1").symlink_to("/etc")

    prune_checkpoints(folder, [kept], attempt=2)

    assert names(folder) == sorted([kept.path, ".000000000020.a2.new", "000000000001.a1", "2024", "notes"])


def test_pruning_a_folder_that_is_not_there_does_nothing(folder: RunFolder) -> None:
    prune_checkpoints(folder, [Checkpoint(step=1, path="x", sha256="")], attempt=1)

    assert not folder.path.exists()


# ------------------------------------------------------------------------------------------------ copies


def bare_suffix(path: Path) -> None:
    path.with_suffix(".npz").write_text("arrays")


@pytest.mark.parametrize("save", [text("weights"), tree, bare_suffix])
def test_a_copy_is_a_checkpoint_of_the_other_run_with_the_same_content(
    folder: RunFolder, tmp_path: Path, save: Callable[[Path], object]
) -> None:
    made = write_checkpoint(folder, run=RUN, attempt=2, step=10, save=save).model_copy(update={"train_seconds": 7.0})
    other = RunFolder(tmp_path / "new.r.3")

    copy = copy_checkpoint(folder, made, other)

    opened, original = open_checkpoint(other, copy), open_checkpoint(folder, made)
    assert (copy.step, copy.train_seconds, opened.name) == (10, 7.0, original.name)
    files = [path for path in original.parent.rglob("*") if path.is_file() and path.name != MANIFEST]
    for file in files:
        assert (opened.parent / file.relative_to(original.parent)).read_bytes() == file.read_bytes()
    assert json.loads((opened.parent / MANIFEST).read_text())["run"] == "new.r.3"


def test_whichever_of_the_two_is_deleted_the_other_stays_whole(folder: RunFolder, tmp_path: Path) -> None:
    made, other = written(folder), RunFolder(tmp_path / "new.r.3")
    copy = copy_checkpoint(folder, made, other)
    second = copy_checkpoint(folder, made, RunFolder(tmp_path / "new.r.4"))

    prune_checkpoints(other, [Checkpoint(step=99, path="99.a1", sha256="x")], attempt=1)
    assert open_checkpoint(folder, made).read_text() == "state"

    prune_checkpoints(folder, [Checkpoint(step=99, path="99.a1", sha256="x")], attempt=1)
    assert names(other) == names(folder) == []
    assert open_checkpoint(RunFolder(tmp_path / "new.r.4"), second).read_text() == "state"
    assert copy.path == second.path


def test_where_nothing_can_be_linked_it_is_copied(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)

    copy = copy_checkpoint(folder, written(folder), other := RunFolder(tmp_path / "new.r.3"))

    assert open_checkpoint(other, copy).read_text() == "state"


def test_what_is_damaged_is_not_copied(folder: RunFolder, tmp_path: Path) -> None:
    made, other = written(folder), RunFolder(tmp_path / "new.r.3")
    open_checkpoint(folder, made).write_text("other")

    with pytest.raises(NotFound, match="was changed since it was written"):
        copy_checkpoint(folder, made, other)

    assert not other.path.exists()
