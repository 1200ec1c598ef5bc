"""Every error that a person or a caller can meet, one class per way to react.

SweepError                     exit code 1   anything this package raises on purpose
├── ConfigError                exit code 2   what was written cannot be used: fix it and try again
├── StoreUnreachable           exit code 3   Redis does not answer: start it, or point elsewhere
├── StoreDenied                exit code 4   Redis refuses our credentials: fix them
├── TrackerDenied              exit code 4   W&B refuses our key: fix it
├── NotFound                   exit code 5   no such sweep, run or checkpoint
├── Conflict                   exit code 6   the name or the folder is already in use
│   └── StoreReplaced                        not the store that this worker started with: stop
├── IllegalMove                              the run or the sweep does not allow this move
├── Stale                                    the record was changed meanwhile: read it again
├── Held                                     the sweep is not running: its runs cannot be claimed
├── Unreadable                               another version wrote the record: do not touch it
└── Fenced                                   the lease is gone: stop working, write nothing
"""

from __future__ import annotations

from shared.domain.redaction import redacted


class SweepError(Exception):
    """Root of the tree. The message is one line: what, where, got, expected, and how to fix it."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class ConfigError(SweepError):
    """A config, an override or a name cannot be used as written."""

    exit_code = 2


class StoreUnreachable(SweepError):
    """Redis cannot be reached, or answers that it cannot serve."""

    exit_code = 3


class StoreDenied(SweepError):
    """Redis refuses our credentials."""

    exit_code = 4


class TrackerDenied(SweepError):
    """Weights & Biases refuses our key."""

    exit_code = 4


class NotFound(SweepError):
    """A sweep, run or checkpoint that does not exist."""

    exit_code = 5


class Conflict(SweepError):
    """A name, a folder or a host that is already in use."""

    exit_code = 6


class StoreReplaced(Conflict):
    """The store was emptied or replaced: what this worker knows is about the old one."""


class IllegalMove(SweepError):
    """The run or the sweep does not allow this move in its state."""


class Stale(SweepError):
    """The record changed since it was read."""


class Held(SweepError):
    """The run's sweep is paused or finished: its runs cannot be claimed."""


class Unreadable(SweepError):
    """A record or an event that another version of this package wrote."""


class Fenced(SweepError):
    """The caller lost its lease: it no longer owns the run."""
