"""The `celery` command that our own commands start: `... -A services.trainer worker -Q gpu ...`.

Celery puts the current folder first on `sys.path` while it imports the app, so that a user's file such as `queue.py`
would hide a module that the app needs. Here the app is imported before that.
"""

from __future__ import annotations

import sys
import traceback
from importlib import import_module

from celery.__main__ import main as celery

from shared.domain.errors import ConfigError


def main(arguments: list[str]) -> None:
    """Run `celery` with these arguments, which begin with `-A` and the package of a service."""
    _, package, *_ = arguments
    sys.argv[:] = ["celery", *arguments]
    try:
        import_module(f"{package}.app")
    except ImportError as error:
        traceback.print_exc()
        print(f"{package} cannot be imported: {error}", file=sys.stderr)
        raise SystemExit(ConfigError.exit_code) from None
    celery()


if __name__ == "__main__":
    main(sys.argv[1:])
