"""Where the packages of this distribution are, although other packages may have the same names.

This file imports the standard library alone, so that it can be run by its path: before `pin` was called, the name
`shared` may belong to a package of the user's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("protein_sweeps", "services", "shared", "sweepctl")
"""What is imported by name. `configs` is found by its path, and a user's own `configs` is expected."""
OF_WORKERS = ("services", "shared")


class Shadow(NamedTuple):
    """A package or module that hides the one of ours with the same name."""

    name: str
    folder: Path  # that holds it

    def __str__(self) -> str:
        return f"the package `{self.name}` in {self.folder} hides the one of protein-sweeps in {ROOT}"


class OwnPackages:
    """A finder for `sys.meta_path` that finds our packages beside this file, whatever `sys.path` holds."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of a top-level package of ours; None for all others."""
        return PathFinder.find_spec(name, [str(ROOT)]) if path is None and name in NAMES else None


def pin() -> None:
    """Let this process import our packages from here alone. What was imported before stays as it is."""
    if not is_pinned():
        sys.meta_path.insert(0, OwnPackages)


def is_pinned() -> bool:
    """Whether this process imports our packages from here alone."""
    # By name: this file may have been run by its path and imported as well, which makes two classes.
    return any(getattr(finder, "__name__", "") == OwnPackages.__name__ for finder in sys.meta_path)


def shadows(path: Sequence[str]) -> list[Shadow]:
    """Return what hides our packages from a worker that is not pinned and whose `sys.path` is `path`."""
    found = ((name, _folder_of(name, path)) for name in OF_WORKERS)
    return [Shadow(name, folder) for name, folder in found if folder is not None and folder != ROOT]


def celery_path(folder: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the `sys.path` that the plain `celery` command has while it imports an app, started in `folder`."""
    return [str(folder), *entries(environment), *(entry for entry in sys.path if entry)]


def entries(environment: Mapping[str, str]) -> list[str]:
    """Return the folders of PYTHONPATH, absolute. An empty entry means the current folder."""
    text = environment.get("PYTHONPATH", "")
    return [str(Path(entry).absolute()) for entry in text.split(os.pathsep)] if text else []


def _folder_of(name: str, path: Sequence[str]) -> Path | None:
    """Return the folder that a top-level module would be imported from; None if `path` has no such module."""
    spec = PathFinder.find_spec(name, [*path])
    if spec is None:
        return None
    # A folder without __init__.py is a package, too, where nothing better is on the path.
    locations = spec.submodule_search_locations
    place = next(iter(locations), None) if locations else spec.origin
    return Path(place).resolve().parent if place else None
