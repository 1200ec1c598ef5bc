"""A user's folder and PYTHONPATH have packages with our names: processes that our commands start still find ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.test_run_command import as_json, folder, left_after_seconds, sweepctl

pytestmark = pytest.mark.slow
__all__ = ["folder"]
TRAINING = """
from services.model import size
from shared.scale import double


def train(run):
    return {"score": double(size(run.params))}
"""
RUN = ("quick", "trainer=function", "sim=none", "trainer.function=mine:train", "budget.max_runs=2")


@pytest.fixture
def hiding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a user's project whose packages have our names; it is the current folder and in PYTHONPATH."""
    for name in ("services", "shared", "configs"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
    (folder / "services" / "model.py").write_text("def size(params): return len(params)\n")
    (folder / "shared" / "scale.py").write_text("def double(number): return 2 * number\n")
    (folder / "mine.py").write_text(TRAINING)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_run_trains_code_that_imports_its_own_packages(hiding: Path) -> None:
    ended = sweepctl("run", *RUN, "sweep_run=mine")

    assert ended.returncode == 0, ended.stderr
    assert {run["state"] for run in as_json("runs", "mine")} == {"observed"}
    assert left_after_seconds(hiding) == []


def test_the_workers_of_up_and_the_helpers_of_other_commands_find_our_packages(hiding: Path) -> None:
    as_json("up")
    try:
        ended = sweepctl("run", *RUN, "sweep_run=mine")
        assert ended.returncode == 0, ended.stderr

        assert as_json("replay", "mine")["ok"]
    finally:
        as_json("down")


def test_doctor_and_check_name_the_folder(hiding: Path) -> None:
    for command in (("doctor",), ("check", *RUN, "--no-run")):
        (warning,) = [line for line in sweepctl(*command).stdout.splitlines() if " folder " in line]

        assert warning.startswith("warn")
        assert f"{hiding} has packages `services` and `shared`" in warning
