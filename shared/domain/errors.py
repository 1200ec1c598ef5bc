"""Every error that a person or a caller can meet, one class per way to react.

SweepError                     exit code 1   anything this package raises on purpose
├── ConfigError                exit code 2   what was written cannot be used: mend it and try again
├── StoreUnreachable           exit code 3   Redis does not answer: start it, or point elsewhere
├── StoreDenied                exit code 4   Redis answers, but not to us: mend the credentials
├── TrackerDenied              exit code 4   W&B answers, but refuses the key: mend it
├── NotFound                   exit code 5   no such sweep, run or checkpoint
├── Conflict                   exit code 6   somebody or something else already holds this name or folder
│   └── StoreReplaced                        the store is not the one that this worker started with: stop
├── IllegalMove                              the life cycle has no such transition: leave the run alone
├── Stale                                    somebody else changed the record first: read it again
├── Held                                     the sweep is not running: nothing of it may be claimed now
├── Unreadable                               another version wrote the record: leave it to that one
└── Fenced                                   the lease is gone: stop working, write nothing
"""

from __future__ import annotations

from shared.domain.redaction import redacted


class SweepError(Exception):
    """Root of the tree. The message is one line: what, where, got, expected, and how to mend it."""

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
    """A name, a folder or a host that somebody else holds."""

    exit_code = 6


class StoreReplaced(Conflict):
    """The store was emptied, or another one answers at its address: whatever this worker knows is of the old one."""


class IllegalMove(SweepError):
    """The run's life cycle does not have this transition."""


class Stale(SweepError):
    """The record changed since it was read."""


class Held(SweepError):
    """The run's sweep is paused, stopping or over: nothing new may be claimed."""


class Unreadable(SweepError):
    """A record that another version of this package wrote."""


class Fenced(SweepError):
    """The caller's lease was taken away: it no longer owns the run."""
