"""What a supervisor tells its child: one job, as JSON, down the pipe."""

from __future__ import annotations

from typing import Any

from shared.domain.run import Frozen

PRELOADED_VARIABLE = "SWEEP_PRELOAD"  # tells the forkserver what to import


class Job(Frozen):
    """All that a child needs to know (`protein_sweeps._child` reads it). It gets no address of the store and no secret.

    `entry` is module:function, called with the run; it is imported from the user's import path if it `is_users`, else
    from ours before that path takes its place. `given` is a function that cannot be imported: its pickle, in base 64.
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
