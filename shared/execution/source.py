"""The code on this machine that carries out a run: this package, and the code of the training."""

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
PARTS = ("protein_sweeps", "shared", "services")  # the packages that carry out runs
MOST_FILES = 2000
LEAST_SECONDS = 5.0
SHARE = 0.01  # of the time, at most, is spent on reading sources
MOST_REPORTED = 16


@dataclass(frozen=True)
class Source:
    """Where the code of a training is, and its version; `note` says why there is no checkout."""

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
    """Return the version of this package with a digest of its sources; a process reads them once."""
    files = [file for part in PARTS for pattern in ("*.py", "*.lua") for file in (ROOT / part).rglob(pattern)]
    return f"{package_version()} ({_digest(ROOT, files)})"


@cache
def package_source() -> Source:
    """Return where this package is; a process looks once. Only the digest of its sources is compared."""
    found = look_at(ROOT)
    checkout, note = (None, found) if isinstance(found, str) else (found, None)
    return Source(ROOT, checkout, note, CodeVersion(package=package_code()))


def read_source(job: SweepJob) -> Source:
    """Return the code of a job's training as it is now: this package, or the user's code. Imports none of it."""
    module = _module_of(job)
    if module is not None:
        return _module_source(module)
    return package_source() if isinstance(job.trainer, PpoTrainer | NoopTrainer) else _source(Path.cwd(), None)


def code_version(job: SweepJob) -> CodeVersion:
    """Return the version of the code that would carry out a job on this machine."""
    return read_source(job).version


class CodeComparison:
    """Compares the code here with the code at each sweep's submit; logs each difference once.

    Each child imports the code of its training again, so the code is read again and again, in at most a hundredth of
    the time.
    """

    def __init__(self) -> None:
        self._sources: dict[str, tuple[float, Source]] = {}
        self._reported: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def differences(self) -> dict[str, str]:
        """The difference of the code for each of the last sweeps that this worker saw, by name."""
        return dict(self._reported)

    def source(self, job: SweepJob) -> Source:
        """Return the code of a job's training, read a short time ago at most."""
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
        """Return how the code here differs from the code at the sweep's submit; None if it is the same."""
        if sweep.code is None:
            return None
        found = code_difference(sweep.code, self.source(job_of(sweep)).version)
        reported = self._reported.pop(sweep.name, None)
        if found:
            self._reported[sweep.name] = found
            for name in list(self._reported)[:-MOST_REPORTED]:
                self._reported.pop(name, None)
            if found != reported:
                log.warning("sweep %s: the code here differs from the code at its submit: %s", sweep.name, found)
        return found


def _module_of(job: SweepJob) -> str | None:
    """Return the user's module that the training imports, if its config names one."""
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
