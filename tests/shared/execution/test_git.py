"""What the real git says about a folder."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from shared.execution import git
from shared.execution.git import Checkout, look_at


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a repository with one commit of one file."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("rate = 1\n")
    (folder / ".gitignore").write_text("/ignored/\n")
    in_git(folder, "init", "--quiet")
    in_git(folder, "add", "--all")
    commit(folder)
    return folder


def in_git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout


def commit(folder: Path) -> None:
    in_git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--all", "--message", "all of it")


def checkout(place: Path) -> Checkout:
    found = look_at(place)
    assert isinstance(found, Checkout), found
    return found


def test_a_file_as_committed_has_the_commit_and_no_changes(project: Path) -> None:
    found = checkout(project / "train.py")

    assert found == Checkout(project, in_git(project, "rev-parse", "HEAD").strip(), "", None, ())
    assert found.version == found.commit[:12]


def test_a_change_is_in_the_diff_and_makes_another_version_until_it_is_undone(project: Path) -> None:
    (project / "train.py").write_text("rate = 2\n")

    changed = checkout(project)

    assert "-rate = 1\n+rate = 2\n" in changed.diff
    assert changed.version == f"{changed.commit[:12]} with changes {changed.changes}"
    assert changed.version == checkout(project).version
    (project / "train.py").write_text("rate = 3\n")
    assert checkout(project).changes not in (None, changed.changes)
    (project / "train.py").write_text("rate = 1\n")
    assert checkout(project).changes is None


def test_the_content_of_a_new_module_counts_and_other_new_files_are_only_listed(project: Path) -> None:
    (project / "notes.txt").write_text("not imported")
    assert checkout(project).changes is None
    (project / "new.py").write_text("a = 1\n")

    first = checkout(project)
    (project / "new.py").write_text("a = 2\n")
    second = checkout(project)

    assert first.untracked == ("new.py", "notes.txt")
    assert first.changes != second.changes
    assert first.diff == ""


def test_a_diff_shows_no_secret_and_is_bounded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "MOST_DIFF_BYTES", 300)
    (project / "train.py").write_text('api_key = "hunter2hunter2"\n' + "# more\n" * 1000)

    found = checkout(project)

    assert "hunter2" not in found.diff
    assert "... cut here: the full diff has " in found.diff
    assert len(found.diff) < 400
    before = found.changes
    with (project / "train.py").open("a") as file:
        file.write("# after the cut\n")
    assert checkout(project).changes != before


def test_a_folder_that_its_repository_ignores_is_not_part_of_it(project: Path) -> None:
    (project / "ignored").mkdir()
    (project / "ignored" / "package.py").touch()

    assert look_at(project / "ignored" / "package.py") == "ignored by its git repository"


def test_without_a_repository_or_a_commit_the_reason_is_returned(tmp_path: Path) -> None:
    assert look_at(tmp_path) == "no git repository"
    in_git(tmp_path, "init", "--quiet")
    assert look_at(tmp_path) == "a git repository without a commit"


def test_without_git_the_reason_is_returned(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))

    assert look_at(project) == "git is not installed"


@pytest.mark.parametrize("slow", ["rev-parse", "diff"])
def test_a_git_that_hangs_is_killed_in_time(project: Path, monkeypatch: pytest.MonkeyPatch, slow: str) -> None:
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout.strip()
    program = project.parent / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncase "$*" in *{slow}*) exec sleep 60;; esac\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(git, "PATIENCE_SECONDS", 0.5)
    begun = time.monotonic()

    assert look_at(project) == "git did not answer within 0.5 s"
    assert time.monotonic() - begun < 10


def test_programs_that_the_repository_names_are_not_run(project: Path) -> None:
    (project / "trap.sh").write_text("#!/bin/sh\ntouch it-ran\n")
    (project / "trap.sh").chmod(0o755)
    in_git(project, "config", "diff.external", str(project / "trap.sh"))
    in_git(project, "config", "core.fsmonitor", str(project / "trap.sh"))
    (project / "train.py").write_text("rate = 2\n")

    assert "+rate = 2" in checkout(project).diff
    assert not (project / "it-ran").exists()
