"""What the exit code of a process of ours says about its end."""

from __future__ import annotations

from typing import Final

from shared.domain.errors import ConfigError, Conflict, NotFound, StoreDenied, StoreUnreachable, SweepError

_ERRORS: Final[dict[int, type[SweepError]]] = {
    error.exit_code: error for error in (ConfigError, StoreUnreachable, StoreDenied, NotFound, Conflict)
}


def error_of(exit_code: int | None, message: str) -> SweepError:
    """Return the error that ends a command with the same exit code; SweepError for a code that is none of ours."""
    return _ERRORS.get(exit_code or 0, SweepError)(message)


def has_reason(exit_code: int) -> bool:
    """Whether a process with this exit code has printed a message of ours as its last line."""
    return exit_code in _ERRORS


def is_final(exit_code: int, *, private_store: bool) -> bool:
    """Whether a worker that ended with this exit code would end in the same way if it were started again.

    It would for wrong settings, a wrong password, a replaced store. A private store that does not answer is started
    again by its guardian, so a worker that found none may well find it the next time.
    """
    return exit_code in _ERRORS and not (private_store and exit_code == StoreUnreachable.exit_code)
