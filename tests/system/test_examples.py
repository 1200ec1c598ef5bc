"""The commands in the README of each example work: they run in a copy of its folder, with real workers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted(page.parent for page in (Path(__file__).parents[2] / "examples").glob("*/README.md"))
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_commands_in_the_readme_of_an_example_work(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / example.name
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("train_dir", "__pycache__"))
    commands = [line for block in BLOCK.findall((folder / "README.md").read_text()) for line in block.splitlines()]

    for command in commands:
        if not command.startswith("pip install"):
            type_in(folder, command)

    runs = json.loads(type_in(folder, "sweepctl runs --json"))
    assert {run["state"] for run in runs} <= {"observed", "cancelled"}  # those in the queue when the budget is used up
    assert json.loads(type_in(folder, "sweepctl audit --json"))["ok"]


def type_in(folder: Path, command: str) -> str:
    """Run a command in a folder outside the repository, without a store; return its output."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name in ("REDIS_URL", "DATA_DIR", "SWEEP_ALLOW", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout
