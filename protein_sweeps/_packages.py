"""Finds the packages of this distribution, even if the user has packages with the same names.

Standard library only: this file is also run by its path, before our packages can be imported by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("protein_sweeps", "services", "shared", "sweepctl")
"""The packages that are imported by name. `configs` is found by its path: the user has a `configs`, too."""
OF_WORKERS = ("services", "shared")
IN_TRAINING = "SWEEP_IN_TRAINING"
"""Set to the run's id in the process of a training and in its descendants."""


class Shadow(NamedTuple):
    """A folder with packages or modules that hide those of ours with the same names."""

    folder: Path
    names: tuple[str, ...]

    def __str__(self) -> str:
        if len(self.names) == 1:
            return f"{self.folder} has a package `{self.names[0]}`, which hides the one of protein-sweeps"
        names = " and ".join(f"`{name}`" for name in self.names)
        return f"{self.folder} has packages {names}, which hide those of protein-sweeps"

    def remedy(self, here: Path) -> str:
        """Return what to do, as an imperative, if workers are started in the folder `here`."""
        otherwise = (
            "start `celery` in another folder"
            if self.folder == here.resolve()
            else f"remove {self.folder} from PYTHONPATH"
        )
        return f"start workers with `sweepctl up`, or {otherwise}"


class OwnPackages:
    """A finder for `sys.meta_path` that finds our packages beside this file and ignores `sys.path`."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of our top-level packages; None for all others."""
        return PathFinder.find_spec(name, [str(ROOT)]) if path is None and name in NAMES else None


def pin() -> None:
    """Make this process import our packages only from here. Modules that are already imported stay as they are."""
    if not is_pinned():
        sys.meta_path.insert(0, OwnPackages)


def import_own(module: str) -> ModuleType:
    """Import our module for a user's program, even if packages with our names are beside the program.

    Raises ImportError if the program has imported its own package with one of our names: a process can have only one
    of them. Raises it in a training, too, which must have only the user's packages.
    """
    if IN_TRAINING in os.environ and module.startswith("protein_sweeps."):
        raise ImportError(
            "a training cannot start or open a sweep: if its module does this when it is imported, "
            "put that code below `if __name__ == '__main__':`"
        )
    for name in NAMES:
        place = getattr(sys.modules.get(name), "__file__", None)
        if place is not None and ROOT not in Path(place).resolve().parents:
            raise ImportError(
                f"this program has imported its own package `{name}` ({place}), but protein_sweeps needs another "
                "package of this name: start the sweep in a program that does not import yours, or use `sweepctl run`"
            )
    pin()
    return import_module(module)


def is_pinned() -> bool:
    """Whether this process imports our packages only from here."""
    # By name: if this file was both run by its path and imported, there are two classes.
    return any(getattr(finder, "__name__", "") == OwnPackages.__name__ for finder in sys.meta_path)


def shadows(path: Sequence[str]) -> list[Shadow]:
    """Return what hides our packages in a worker that is not pinned and whose `sys.path` is `path`."""
    found = {name: _folder_of(name, path) for name in OF_WORKERS}
    folders = dict.fromkeys(folder for folder in found.values() if folder not in (None, ROOT))
    return [
        Shadow(folder, tuple(name for name, place in found.items() if place == folder)) for folder in folders if folder
    ]


def celery_path(folder: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the `sys.path` that the plain `celery` command has while it imports an app, started in `folder`."""
    return [str(folder), *entries(environment), *(entry for entry in sys.path if entry)]


def entries(environment: Mapping[str, str]) -> list[str]:
    """Return the folders of PYTHONPATH, absolute. An empty entry means the current folder."""
    text = environment.get("PYTHONPATH", "")
    return [str(Path(entry).absolute()) for entry in text.split(os.pathsep)] if text else []


def _folder_of(name: str, path: Sequence[str]) -> Path | None:
    """Return the folder from which a top-level module would be imported; None if `path` has no such module."""
    spec = PathFinder.find_spec(name, [*path])
    if spec is None:
        return None
    # A folder without __init__.py is a package, too, if the path has nothing better.
    locations = spec.submodule_search_locations
    place = next(iter(locations), None) if locations else spec.origin
    return Path(place).resolve().parent if place else None
