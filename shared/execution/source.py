"""The code that a run is carried out by, on this machine: this package, and the training's own."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from protein_sweeps._packages import ROOT
from shared.config.frozen import job_of
from shared.config.schema import FunctionTrainer, NoopTrainer, PpoTrainer, SweepJob
from shared.domain.code import CodeVersion, code_difference
from shared.domain.sweep import Sweep
from shared.execution.git import DIGITS, Checkout, look_at
from shared.execution.given import is_given
from shared.execution.user_code import find_module

log = logging.getLogger(__name__)
DISTRIBUTION = "protein-sweeps"
PARTS = ("protein_sweeps", "shared", "services")  # what a run is carried out by; the rest is for people
MOST_FILES = 2000
LEAST_SECONDS = 5.0
SHARE = 0.01  # of the time, at most, is spent on looking
MOST_TOLD = 16


@dataclass(frozen=True)
class Source:
    """Where the training's own code lies, and what can be said of it; `note` says why there is no checkout."""

    place: Path | None
    checkout: Checkout | None
    note: str | None
    version: CodeVersion


def package_version() -> str:
    """Return the installed version of this package."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


@cache
def package_code() -> str:
    """Return the version of this package with a digest of its sources, as they were when this process asked first."""
    files = [file for part in PARTS for pattern in ("*.py", "*.lua") for file in (ROOT / part).rglob(pattern)]
    return f"{package_version()} ({_digest(ROOT, files)})"


@cache
def package_source() -> Source:
    """Return where this package lies, as it was when this process asked first; it is compared by its sources alone."""
    found = look_at(ROOT)
    checkout, note = (None, found) if isinstance(found, str) else (found, None)
    return Source(ROOT, checkout, note, CodeVersion(package=package_code()))


def read_source(job: SweepJob) -> Source:
    """Look at the code of a job's training: this package, or the user's own as it is now. Imports nothing of it."""
    module = _module_of(job)
    if module is not None:
        return _module_source(module)
    return package_source() if isinstance(job.trainer, PpoTrainer | NoopTrainer) else _source(Path.cwd(), None)


def code_version(job: SweepJob) -> CodeVersion:
    """Return the version of the code that a job would be carried out by, were it here."""
    return read_source(job).version


class CodeComparison:
    """Compares the code here with that of each sweep's submit; says once in the log where it is another one.

    A training's own code is imported anew by each child, so it is looked at again, but not in a hurry: for at most a
    hundredth of the time.
    """

    def __init__(self) -> None:
        self._sources: dict[str, tuple[float, Source]] = {}
        self._told: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def differences(self) -> dict[str, str]:
        """In what the code differs, by sweep: the last sweeps that were met."""
        return dict(self._told)

    def source(self, job: SweepJob) -> Source:
        """Return what is known of the code of a job's training."""
        key = f"{job.trainer.kind} {_module_of(job)}"
        with self._lock:
            good_until, known = self._sources.get(key, (0.0, None))
            begun = time.monotonic()
            if known is None or begun > good_until:
                known = read_source(job)
                ended = time.monotonic()
                self._sources[key] = (ended + max(LEAST_SECONDS, (ended - begun) / SHARE), known)
            return known

    def differs_from(self, sweep: Sweep) -> str | None:
        """Say in what the code here is another one than the sweep was submitted with; None if it is the same."""
        if sweep.code is None:
            return None
        found = code_difference(sweep.code, self.source(job_of(sweep)).version)
        told = self._told.pop(sweep.name, None)
        if found:
            self._told[sweep.name] = found
            for name in list(self._told)[:-MOST_TOLD]:
                self._told.pop(name, None)
            if found != told:
                log.warning("sweep %s: other code than it was submitted with: %s", sweep.name, found)
        return found


def _module_of(job: SweepJob) -> str | None:
    """Return the module of the user's that the training imports, if its config names one."""
    trainer = job.trainer
    if isinstance(trainer, FunctionTrainer) and not is_given(trainer.function):
        return trainer.function.partition(":")[0]
    if isinstance(trainer, PpoTrainer) and ":" in trainer.env:
        return trainer.env.partition(":")[0]
    return None


def _module_source(name: str) -> Source:
    spec = find_module(name)
    folders = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    place = folders[0] if folders else Path(spec.origin) if spec and spec.origin else None
    if place is None or not place.exists():
        missing = f"module {name.partition('.')[0]} cannot be found here"
        return Source(None, None, missing, CodeVersion(package=package_code()))
    files = [file for folder in folders for file in folder.rglob("*.py")] if folders else [place]
    return _source(place, _digest(place.parent, files))


def _source(place: Path, sources: str | None) -> Source:
    found = look_at(place)
    checkout, note = (None, found) if isinstance(found, str) else (found, None)
    commit = checkout.version if checkout else None
    return Source(place, checkout, note, CodeVersion(package=package_code(), commit=commit, sources=sources))


def _digest(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files)[:MOST_FILES]:
        try:
            content = file.read_bytes()
        except OSError:
            continue
        digest.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.hexdigest()[:DIGITS]
