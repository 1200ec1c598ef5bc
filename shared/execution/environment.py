"""Writes a snapshot of code, packages and machine to the run's folder, one for each attempt."""

from __future__ import annotations

import platform
import socket
import time
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distributions
from typing import Any

import pynvml

from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.execution.slots import Slot
from shared.execution.source import Source, package_code, package_source
from shared.storage.folders import RunFolder, write_text, write_yaml


def write_environment(
    folder: RunFolder,
    run: Run,
    sweep: Sweep,
    *,
    phase: str,
    number: int,
    worker: str,
    slot: Slot,
    seed: int,
    code: Source,
) -> None:
    """Write `environment/<phase>.<number>.yaml` and, if the code differs from its commit, a `.diff` file beside it.

    Raises OSError.
    """
    file = folder.environment_file(phase, number)
    diff = file.with_suffix(".diff")
    if code.checkout and code.checkout.diff:
        write_text(diff, code.checkout.diff)
    write_yaml(
        file,
        {
            "run": run.id,
            "phase": phase,
            "attempt": run.attempt,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seed": seed,
            "config_hash": sweep.config_hash,
            "worker": worker,
            "host": socket.gethostname(),
            "platform": platform.platform(),
            "python": platform.python_version(),
            "gpus": [describe_gpu(gpu) for gpu in slot.gpus],
            "code": describe_code(code, diff=diff.name),
            "differs": run.other_code,
            "packages": installed_packages(),
        },
    )


def describe_code(code: Source, *, diff: str) -> dict[str, Any]:
    """Return where the code comes from, as plain data; `diff` is the name of the diff file."""
    known: dict[str, Any] = {"package": package_code(), "folder": str(code.place) if code.place else None}
    if code.version.sources:
        known |= {"sources": code.version.sources}
    checkout = code.checkout
    if checkout is None:
        return {**known, "commit": None, "note": code.note}
    return {
        **known,
        "repository": str(checkout.root),
        "commit": checkout.commit,
        "changes": checkout.changes,
        "diff": diff if checkout.diff else None,
        "untracked": list(checkout.untracked),
    }


@cache
def installed_packages() -> dict[str, str]:
    """Return the version of each installed package, by its name; a process reads them once."""
    found = {str(package.metadata["Name"]): package.version for package in distributions()}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


@cache
def describe_gpu(gpu: str) -> dict[str, str]:
    """Return the name, memory and driver of a GPU, as far as NVML knows them; `gpu` is as in CUDA_VISIBLE_DEVICES."""
    known = {"gpu": gpu}
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return known
    try:
        by_index = gpu.isdecimal()
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(gpu)) if by_index else pynvml.nvmlDeviceGetHandleByUUID(gpu)
        memory = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
        known |= {"name": str(pynvml.nvmlDeviceGetName(handle)), "memory": f"{memory / 2**30:.0f} GiB"}
        known |= {"driver": str(pynvml.nvmlSystemGetDriverVersion())}
    except pynvml.NVMLError:
        pass  # training does not need them
    finally:
        pynvml.nvmlShutdown()
    return known


def warm_up(gpus: Sequence[str]) -> None:
    """Collect what takes long to find out when the worker starts, so that no run waits for it."""
    package_source()
    installed_packages()
    for gpu in gpus:
        describe_gpu(gpu)
