"""Where the user's code is imported from: their folder first, then PYTHONPATH, then their environment."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from protein_sweeps._packages import ROOT
from shared.processes.start import USER_PATH, user_path

_INSTALLED = ("site-packages", "dist-packages")


def users_path() -> tuple[str, ...]:
    """Return the `sys.path` of a process that this worker starts for the user's code."""
    environment = (entry for entry in sys.path if entry and not _is_only_ours(entry))
    return tuple(dict.fromkeys([*user_path(), *environment]))


def users_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the PYTHONPATH of a process for the user's code, if it needs one."""
    _, *entries = user_path(environment)  # the first is their folder
    return {"PYTHONPATH": os.pathsep.join(entries)} if entries else {}


def find_module(name: str) -> ModuleSpec | None:
    """Return the spec of a module's top-level package in a process for the user's code. Imports nothing."""
    top = name.partition(".")[0]
    found = PathFinder.find_spec(top, list(users_path()))
    if found is not None and (found.origin is not None or found.submodule_search_locations):
        return found
    try:
        return importlib.util.find_spec(top)  # what other finders know: editable installs, built-in modules
    except (ImportError, ValueError):
        return None


def _is_only_ours(entry: str) -> bool:
    """Whether an entry of the path has our packages and no user code: a checkout, for example."""
    return ROOT.name not in _INSTALLED and Path(entry).resolve() == ROOT


__all__ = ["USER_PATH", "find_module", "users_environment", "users_path"]
