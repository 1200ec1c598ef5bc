"""The files below deploy/: they refer to what exists, start the plain worker commands, and hold no secret."""

from __future__ import annotations

import re
import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.control.missing import COMMANDS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TRAINER = ["celery", *COMMANDS["trainer"]]
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
FILES += [ROOT / "docker-compose.yml", ROOT / "flowerconfig.py"]
# A password inside a URL, or a word that names a secret with a value that is neither empty nor taken from elsewhere.
IN_URL = re.compile(r"\w+://[^\s/@]*:(?P<value>[^\s/@]+)@")
SECRET_WORD = r"\w*(?:PASSWORD|SECRET|TOKEN|API_KEY|requirepass)\w*"
NAMED = re.compile(rf"(?im)^[ \t#-]*(?:export[ \t]+)?{SECRET_WORD}[ \t]*[:= ][ \t]*(?P<value>\S+)")
HARMLESS = re.compile(r"\$|password\b|null$|%s", re.IGNORECASE)


@pytest.fixture(scope="module")
def skypilot() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "skypilot/sweep.yaml").read_text())
    return content


def test_every_file_that_the_dockerfile_copies_exists_and_reaches_the_build() -> None:
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        source
        for line in (DEPLOY / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in


def test_the_image_holds_everything_that_a_wheel_is_made_of() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()

    for package in ("configs", "protein_sweeps", "shared", "services", "sweepctl"):
        assert f"COPY {package} {package}" in dockerfile


def test_the_image_does_not_run_as_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()

    users = [line.split()[1] for line in lines if line.startswith("USER ")]

    assert users
    assert users[-1] != "root"


def test_the_image_is_installed_with_the_pinned_versions() -> None:
    installs = re.findall(r"pip install .*", (DEPLOY / "Dockerfile").read_text())

    assert installs
    assert all("-c constraints.txt" in install for install in installs)


def test_skypilot_starts_a_trainer_and_nothing_else(skypilot: dict[str, Any]) -> None:
    started = [line for line in skypilot["run"].splitlines() if "celery" in line]

    assert [shlex.split(line) for line in started] == [TRAINER]


def test_skypilot_asks_for_the_url_as_a_secret_and_for_no_sweep(skypilot: dict[str, Any]) -> None:
    assert skypilot["secrets"] == {"REDIS_URL": None}
    assert "sweep_run" not in skypilot["envs"]


def test_skypilot_gives_up_on_workers_that_cannot_start(skypilot: dict[str, Any]) -> None:
    assert skypilot["resources"]["job_recovery"]["max_restarts_on_errors"] <= 10


def test_skypilot_mounts_the_data_folder_that_it_names(skypilot: dict[str, Any]) -> None:
    assert skypilot["envs"]["DATA_DIR"] in skypilot["volumes"]


def test_systemd_starts_a_trainer_and_lets_it_end_in_order() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "systemd/sweep-trainer.service")
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])

    assert [Path(program).name, *arguments] == TRAINER
    assert unit["Service"]["KillMode"] == "mixed"
    assert unit["Service"]["Restart"] == "always"


@pytest.mark.parametrize(
    "line", ["REDIS_URL=redis://:hunter2@head:6379/0", "requirepass hunter2", "API_TOKEN: hunter2"]
)
def test_a_secret_would_be_found(line: str) -> None:
    assert secrets_in(line) == ["hunter2"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_holds_a_secret(path: Path) -> None:
    assert secrets_in(path.read_text()) == []


def secrets_in(text: str) -> list[str]:
    found = [match["value"] for pattern in (IN_URL, NAMED) for match in pattern.finditer(text)]
    return [value for value in found if not HARMLESS.search(value)]
