"""The plain `celery` command in a folder that hides our packages: it ends at once, in one line, with the remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from protein_sweeps._celery import why_hidden
from protein_sweeps._packages import ROOT

CELERY = str(Path(sys.executable).parent / "celery")


@pytest.fixture
def hiding(tmp_path: Path) -> Path:
    """Return a folder with packages of a user's that are called as ours."""
    for name in ("services", "shared", "sweepctl", "configs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        "-A services.trainer worker -Q gpu",
        "-Aservices.evaluator worker",
        "--app services.suggester worker",
        "--app=services.trainer:app flower",
        "-q -A services.trainer.app worker",
    ],
)
def test_an_app_of_ours_is_refused_where_it_cannot_be_found(hiding: Path, arguments: str) -> None:
    assert why_hidden(arguments.split(), hiding) == (
        f"celery: {hiding} has packages `services` and `shared`, which hide those of protein-sweeps; "
        "start workers with `sweepctl up`, or start `celery` in another folder"
    )
    assert why_hidden(arguments.split(), ROOT) is None


@pytest.mark.parametrize("arguments", ["", "--version", "-A", "-A services worker", "-A services.trainers worker"])
def test_an_app_of_somebody_else_is_left_alone(hiding: Path, arguments: str) -> None:
    assert why_hidden(arguments.split(), hiding) is None


def test_the_folder_that_celery_changes_to_counts(hiding: Path) -> None:
    assert why_hidden(["--workdir", str(hiding), "-A", "services.trainer", "worker"], ROOT)


@pytest.mark.parametrize("command", [[CELERY], [sys.executable, "-m", "celery"]])
def test_the_command_ends_at_once_in_one_line_with_a_usage_error(hiding: Path, command: list[str]) -> None:
    arguments = ["-A", "services.trainer", "worker", "-Q", "gpu"]

    ended = subprocess.run([*command, *arguments], cwd=hiding, capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"celery: {hiding} has packages")
    assert ended.stdout == ""


def test_the_plugin_says_where_our_packages_are(tmp_path: Path) -> None:
    ended = subprocess.run([CELERY, "protein-sweeps"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == str(ROOT)
