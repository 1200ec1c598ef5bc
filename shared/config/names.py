"""The names of sweeps: which can be used as a folder, a key and an argument alike."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from shared.domain.errors import ConfigError

LONGEST: Final = 100  # a run's folder adds to it, and file systems end at 255 bytes
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RUN: Final = re.compile(r"(\.r\.\d+)+$")
_RULE: Final = "letters, digits, dot, dash and underscore, the first a letter or a digit"


def check_name(name: str) -> str:
    """Return `name` if a sweep may be called so; raise ConfigError with a name that would do."""
    fault = _fault(name)
    if fault:
        raise ConfigError(f"sweep_run is {_show(name)}: {fault}; for example sweep_run={slug(name)}")
    return name


def slug(name: str) -> str:
    """Return the nearest name that `check_name` accepts; `sweep` if nothing of it can be kept."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    plain = re.sub(r"\.\.+", ".", plain).lstrip("._-")[:LONGEST].rstrip("._-")
    return _RUN.sub("", plain) or "sweep"


def _fault(name: str) -> str | None:
    if not name.strip():
        return f"expected a name of {_RULE}"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, expected at most {LONGEST}"
    if ".." in name or name.endswith("."):
        return "expected a name without `..` and without a dot at its end, because it becomes a folder"
    if not _NAME.fullmatch(name):
        return f"expected {_RULE}"
    if _RUN.search(name):
        return "expected a name that does not end like that of a run"
    return None


def _show(name: str) -> str:
    """Quote it in ASCII, so that a mark which turns the writing round is seen and not obeyed."""
    return ascii(name if len(name) <= 60 else name[:60] + "...")
