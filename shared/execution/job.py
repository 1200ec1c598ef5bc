"""The job that a supervisor sends to its child, as JSON."""

from __future__ import annotations

from typing import Any

from shared.domain.run import Frozen

PRELOADED_VARIABLE = "SWEEP_PRELOAD"  # the modules that the forkserver imports


class Job(Frozen):
    """All that a child needs (`protein_sweeps._child` reads it). A child gets no address of the store and no secret.

    `entry` is module:function, called with the run. If it `is_users`, it is imported from the user's path, else from
    ours, before the user's path replaces it. `given` is the pickle, in base 64, of a function that cannot be imported.
    """

    entry: str
    is_users: bool
    path: tuple[str, ...]
    run: str
    attempt: int
    seed: int
    device: str
    config: dict[str, Any]
    params: dict[str, Any]
    given: str | None = None
    folder: str
    workspace: str
    checkpoints: str
    log_file: str
    threads: int
    checkpoint: str | None = None
    checkpoint_step: int = 0
    environment: dict[str, str] = {}
    unset: tuple[str, ...] = ()
