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
