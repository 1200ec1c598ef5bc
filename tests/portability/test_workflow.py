"""The checks that run elsewhere: their file is valid, may only read, and runs nothing that can change unseen."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(request.param.read_text(), yaml.BaseLoader)  # where `on` is no boolean
    return content


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.name)
def test_the_file_fits_the_schema_of_workflows(file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]

    checked = subprocess.run(command, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_workflow_may_read_the_repository_and_nothing_else(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())


def test_every_job_has_an_end(workflow: dict[str, Any]) -> None:
    assert all(0 < int(job["timeout-minutes"]) <= 90 for job in workflow["jobs"].values())


def test_every_action_is_pinned_to_a_commit_and_leaves_no_credentials(workflow: dict[str, Any]) -> None:
    used = [step for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]

    assert used
    for step in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


def test_everything_is_checked_on_each_python_on_linux_and_macos() -> None:
    matrix = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["newest"]["strategy"]["matrix"]

    assert matrix == {"os": ["ubuntu-latest", "macos-latest"], "python": list(PYTHONS)}


def test_the_package_names_the_pythons_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert Version(PYTHONS[0]) in SpecifierSet(project["requires-python"])
    assert Version("3.10.99") not in SpecifierSet(project["requires-python"])
