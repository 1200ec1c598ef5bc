"""How this package starts its own processes, independent of the current folder and of PYTHONPATH."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

from protein_sweeps._packages import ROOT, entries, shadows

LAUNCHER = Path(__file__).with_name("launch.py")
USER_PATH = "SWEEP_USER_PATH"
"""The folders from which a worker's trainings import the user's code, in the form of PYTHONPATH."""


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules with this interpreter."""
    return [sys.executable, "-P", str(LAUNCHER), module, *arguments]


def worker_paths(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment variables of a worker that say where its code and the user's code is.

    PYTHONPATH loses the folders that hide our packages: processes such as the forkserver read it. SWEEP_USER_PATH
    keeps all its folders for the training, after `folder`.
    """
    given = entries(environment)
    kept = [entry for entry in given if not shadows([entry])]
    if str(ROOT) not in map(os.path.realpath, [*site.getsitepackages(), site.getusersitepackages()]):
        kept.insert(0, str(ROOT))
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(kept)),
        USER_PATH: os.pathsep.join(dict.fromkeys([str(folder), *given])),
    }


def user_path(environment: Mapping[str, str] = os.environ, folder: Path | None = None) -> list[str]:
    """Return the folders from which the user's code is imported, before those of its interpreter.

    They are the folders of SWEEP_USER_PATH. A worker that was started by hand has none: then they are `folder`
    (default: the current one) and the folders of PYTHONPATH.
    """
    given = environment.get(USER_PATH)
    if given:
        return given.split(os.pathsep)
    return list(dict.fromkeys([str(folder or Path.cwd()), *entries(environment)]))
