"""What `sweepctl init` writes, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.control.init import KINDS
from tests.sweepctl.conftest import Sweepctl

EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_without_a_kind_it_says_what_the_kinds_are_and_writes_nothing(sweepctl: Sweepctl, tmp_path: Path) -> None:
    ended = sweepctl("init")

    assert ended.returncode == 0
    assert [line.split()[0] for line in ended.stdout.splitlines()] == [*KINDS, "next"]
    assert files_in(tmp_path) == []


def test_on_a_terminal_it_asks(sweepctl: Sweepctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweepctl.commands.begin._is_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "ppo")

    sweepctl("init")

    assert "my_env.py" in files_in(tmp_path)


@EACH_KIND
def test_it_writes_code_its_trainer_and_its_sweep_under_one_name(sweepctl: Sweepctl, tmp_path: Path, kind: str) -> None:
    ended = sweepctl("init", kind, "--name", "first")

    code = "first.sh" if kind == "command" else "first.py"
    assert files_in(tmp_path) == sorted([code, "configs/sweep/first.yaml", "configs/trainer/first.yaml"])
    assert f"wrote {code}, configs/trainer/first.yaml, configs/sweep/first.yaml" in ended.stdout
    assert "  sweepctl run first " in ended.stdout
    assert not any("NAME" in (tmp_path / name).read_text() for name in files_in(tmp_path))


@pytest.mark.parametrize("there", ["train.py", "configs/trainer/train.yaml", "configs/sweep/train.yaml"])
def test_nothing_is_overwritten_and_nothing_is_half_written(sweepctl: Sweepctl, tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("mine")

    ended = sweepctl("init", "function")

    assert ended.returncode == 6
    assert ended.stderr == (
        f"error: {there} exists, and nothing is overwritten: choose another --name, or another folder\n"
    )
    assert files_in(tmp_path) == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_what_was_written_before_a_place_that_cannot_be_is_taken_back(sweepctl: Sweepctl, tmp_path: Path) -> None:
    (tmp_path / "configs").write_text("a file, not a folder")

    ended = sweepctl("init", "function")

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: configs/trainer/train.yaml: cannot be written: ")
    assert files_in(tmp_path) == ["configs"]


def test_two_starting_points_can_be_in_one_folder(sweepctl: Sweepctl, tmp_path: Path) -> None:
    sweepctl("init", "function")
    sweepctl("init", "ppo")

    assert len(files_in(tmp_path)) == 6


def test_of_a_kind_that_there_is_not_it_is_said_which_kind_is_for_everything(sweepctl: Sweepctl) -> None:
    ended = sweepctl("init", "pytorch")

    assert ended.returncode == 2
    assert "expected one of function, command, ppo, wandb; use function for anything that Python trains" in ended.stderr


def test_a_script_gets_the_files_and_the_kinds(sweepctl: Sweepctl) -> None:
    assert [kind["kind"] for kind in json.loads(sweepctl("init", "--json").stdout)] == list(KINDS)
    assert json.loads(sweepctl("init", "function", "--json").stdout) == {
        "kind": "function",
        "name": "train",
        "files": ["train.py", "configs/trainer/train.yaml", "configs/sweep/train.yaml"],
    }
