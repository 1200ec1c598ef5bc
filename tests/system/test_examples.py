"""Each example does what its README says: the commands of it are typed in a copy of its folder, with real workers."""

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
def test_an_example_does_what_its_readme_says(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / example.name
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("train_dir", "__pycache__"))
    commands = [line for block in BLOCK.findall((folder / "README.md").read_text()) for line in block.splitlines()]

    for command in commands:
        if not command.startswith("pip install"):
            type_in(folder, command)

    runs = json.loads(type_in(folder, "sweepctl runs --json"))
    assert {run["state"] for run in runs} <= {"observed", "cancelled"}  # what is queued when the budget is spent
    assert json.loads(type_in(folder, "sweepctl audit --json"))["ok"]


def type_in(folder: Path, command: str) -> str:
    """Return what a command prints that is typed in a folder, outside of the repository and with no store around."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name in ("REDIS_URL", "DATA_DIR", "SWEEP_ALLOW", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout
