"""Where the user's code is imported from: their folder first, then PYTHONPATH, then their environment."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
USERS_PATH_VARIABLE = "SWEEP_USERS_PYTHONPATH"
"""PYTHONPATH as the user set it: what starts our workers safely takes it out of their environment."""
_BOOT = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
_INSTALLED = ("site-packages", "dist-packages")


def users_path() -> tuple[str, ...]:
    """Return the entries of `sys.path` in a process that belongs to the user and starts in this folder."""
    written = users_environment().get("PYTHONPATH", "").split(os.pathsep)
    environment = (entry for entry in sys.path if entry and not _is_only_ours(entry))
    return tuple(dict.fromkeys([str(Path.cwd()), *filter(None, written), *environment]))


def users_environment() -> Mapping[str, str]:
    """Return what the environment of a process of the user's has beyond this one's: PYTHONPATH, where it was taken."""
    taken = os.environ.get(USERS_PATH_VARIABLE)
    if taken is None:
        return {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    return {"PYTHONPATH": taken} if taken else {}


def find_module(name: str) -> ModuleSpec | None:
    """Return where the top-level package of a module would come from in a process of the user's. Imports nothing."""
    top = name.partition(".")[0]
    found = PathFinder.find_spec(top, list(users_path()))
    if found is not None and (found.origin is not None or found.submodule_search_locations):
        return found
    try:
        return importlib.util.find_spec(top)  # what other finders know: editable installs, built-in modules
    except (ImportError, ValueError):
        return None


def _is_only_ours(entry: str) -> bool:
    """Whether an entry holds our packages and nothing of the user's: a checkout, for example."""
    return PACKAGE.name not in _INSTALLED and Path(entry).resolve() == PACKAGE


def our_python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours in a process of its own, whatever the user's packages are called.

    Our packages come first on its import path; all else is found as in this process.
    """
    return [sys.executable, "-P", "-c", _BOOT, str(PACKAGE), module, *arguments]
