"""No process outlives the one that it works for; the room imports the standard library alone."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from protein_sweeps import _packages, _process
from shared.processes import orphans

CHILD = """
import os, signal, sys, time
from protein_sweeps._process import die_with_parent
if os.fork() == 0:
    signal.signal(signal.SIGTERM, lambda *_: (print("SIGTERM", flush=True), os._exit(0)))
    die_with_parent(signal.Signals(int(sys.argv[1])))
    print(os.getpid(), flush=True)
    time.sleep(60)
time.sleep(60)
"""
WORKER = "import time; from shared.processes.orphans import end_with_launcher; end_with_launcher(); time.sleep(30)"


def imported_by(file: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_room_imports_the_standard_library_alone() -> None:
    files = [*Path(orphans.__file__).parent.glob("*.py"), Path(_packages.__file__), Path(_process.__file__)]

    imported = {name for file in files for name in imported_by(file)}

    others = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert others <= {"protein_sweeps._packages", "protein_sweeps._process"}


@pytest.mark.skipif(sys.platform != "linux", reason="only the kernel of Linux can be asked for this")
@pytest.mark.parametrize(("signal_number", "last_word"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGKILL, "")])
def test_a_process_gets_the_signal_it_asked_for_when_its_parent_dies(signal_number: int, last_word: str) -> None:
    command = [sys.executable, "-c", CHILD, str(signal_number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()

        assert parent.stdout.read().strip() == last_word, "the pipe ends when the child does"
    psutil.wait_procs([child], timeout=10)


def test_a_worker_ends_when_its_parent_is_not_the_command_that_launched_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(orphans.PARENT_VARIABLE, "1")

    ended = subprocess.run([sys.executable, "-c", WORKER], timeout=30, check=False)

    assert ended.returncode == -signal.SIGKILL
