"""Each line of the scripts that checks or writes is removed in turn: a test of the store must fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.store.connection import SCRIPTS

ROOT = Path(__file__).parents[2]
TESTS = [f"tests/shared/store/{name}.py" for name in ("test_run_store", "test_sweep_store", "test_fleet")]
GUARDS_OR_WRITES = re.compile(r"\bthen return\b|^\s*assert\(|^\s*redis\.call\(|\bthen redis\.call\(")
FLAGS = re.compile(r"'(?:NX|XX)', ")
PROGRAM = """
import sys
from pathlib import Path
import shared.store.connection as connection
connection.SCRIPTS = Path(sys.argv[1])
import pytest
sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def mutants() -> list[tuple[str, int, str]]:
    """Return (script, line number, replacement of the line) for each mutant."""
    found = []
    for script in sorted(SCRIPTS.glob("*.lua")):
        for number, line in enumerate(script.read_text().splitlines(), start=1):
            code = "" if line.lstrip().startswith("--") else line
            if GUARDS_OR_WRITES.search(code):
                found.append((script.name, number, ""))
            if FLAGS.search(code):
                found.append((script.name, number, FLAGS.sub("", line)))
    return found


def run_the_tests(scripts: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(scripts), *TESTS]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


def copy_with(folder: Path, script: str, number: int, line: str) -> Path:
    for source in SCRIPTS.glob("*.lua"):
        lines = source.read_text().splitlines()
        if source.name == script:
            lines[number - 1] = line
        (folder / source.name).write_text("\n".join(lines))
    return folder


def test_there_are_lines_to_remove() -> None:
    assert len(mutants()) > 25


@pytest.mark.slow
def test_the_tests_pass_with_the_unchanged_scripts(tmp_path: Path) -> None:
    ended = run_the_tests(copy_with(tmp_path, "none", 0, ""))

    assert ended.returncode == 0, ended.stdout


@pytest.mark.chaos
@pytest.mark.timeout(250)
@pytest.mark.parametrize(("script", "number", "line"), mutants(), ids=lambda value: str(value).strip()[:40])
def test_a_test_fails_without_the_line(tmp_path: Path, script: str, number: int, line: str) -> None:
    ended = run_the_tests(copy_with(tmp_path, script, number, line))

    assert ended.returncode == 1, f"no test fails without line {number} of {script}"
