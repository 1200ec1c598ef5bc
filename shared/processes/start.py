"""How this package starts a process of its own, in whatever folder and with whatever PYTHONPATH."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

from protein_sweeps._packages import ROOT, entries, shadows

LAUNCHER = Path(__file__).with_name("launch.py")
USER_PATH = "SWEEP_USER_PATH"
"""Where a worker finds the folders that the user's code is imported from, as PYTHONPATH would list them."""


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours with this interpreter."""
    return [sys.executable, "-P", str(LAUNCHER), module, *arguments]


def worker_paths(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables of a worker that say where its code and the user's is.

    PYTHONPATH loses the folders that hide our packages: processes that the worker starts through others, such as the
    forkserver, read it. SWEEP_USER_PATH keeps all of it for the training, behind `folder`.
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
    """Return the folders that the user's code is imported from, before those of its interpreter.

    They are those of SWEEP_USER_PATH; in a worker that was started by hand `folder` (default: the current one), then
    PYTHONPATH.
    """
    given = environment.get(USER_PATH)
    if given:
        return given.split(os.pathsep)
    return list(dict.fromkeys([str(folder or Path.cwd()), *entries(environment)]))
