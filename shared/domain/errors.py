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

from dataclasses import asdict, replace

from shared.domain.fault import Fault
from shared.domain.redaction import redacted


class SweepError(Exception):
    """The base class of all errors that this package raises on purpose.

    The message is one line: what is wrong, where, and what to do. It contains no passwords or keys.

    Attributes:
        exit_code: The exit code of a command that ends with this error.

    Example:
        ```python
        try:
            result = ps.sweep(train, space)
        except ps.SweepError as error:
            print(error)
        ```
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class ConfigError(SweepError):
    """A config, an override, a name or a setting cannot be used as it is written.

    `fault` has the details as data.

    Args:
        problem: What is wrong in words, where `got` and `expected` do not say it.
        place: Where it was written: `FILE:LINE`, or `command line`.
        path: The dotted key, the option or the variable.
        got: Its value, as `wording.show` writes it.
        expected: What can be written instead.
        meant: What was probably meant.
        remedy: What to do about it, as an imperative.
        more: How many other faults were found.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str = "",
        *,
        place: str | None = None,
        path: str = "",
        got: str = "",
        expected: str = "",
        meant: str | None = None,
        remedy: str = "",
        more: int = 0,
    ) -> None:
        self.fault = Fault(
            problem=problem,
            place=place or "",
            path=path,
            got=got,
            expected=expected,
            meant=meant or "",
            remedy=remedy,
            more=more,
        )
        super().__init__(str(self.fault))

    def at(self, place: str | None) -> ConfigError:
        """Return the same error with the place where the fault was written; None leaves it as it is."""
        return ConfigError(**asdict(replace(self.fault, place=place))) if place else self

    def within(self, section: str) -> ConfigError:
        """Return the same error with its path, if it has one, below `section`."""
        path = ".".join(part for part in (section, self.fault.path) if part)
        return ConfigError(**asdict(replace(self.fault, path=path)))

    def among(self, more: int) -> ConfigError:
        """Return the same error as the first of several: `more` others were found."""
        return ConfigError(**asdict(replace(self.fault, more=more)))


class StoreUnreachable(SweepError):
    """Redis cannot be reached, or answers that it cannot serve. Start it, or use another one."""

    exit_code = 3


class StoreDenied(SweepError):
    """Redis refuses the credentials. Correct the user and password in its URL."""

    exit_code = 4


class TrackerDenied(SweepError):
    """Weights & Biases refuses our key."""

    exit_code = 4


class NotFound(SweepError):
    """A sweep, a run or a checkpoint does not exist."""

    exit_code = 5


class Conflict(SweepError):
    """The request conflicts with the state of a sweep or a run, or a name, a folder or a host is already in use."""

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
