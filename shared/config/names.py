"""The names of sweeps. A name can be used as a folder, as a key and as an argument."""

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
    """Return `name` if a sweep can have it; raise ConfigError, which suggests a similar name."""
    expected = _expected(name)
    if expected:
        remedy = f"use for example sweep_run={slug(name)}"
        raise ConfigError(path="sweep_run", got=_show(name), expected=expected, remedy=remedy)
    return name


def slug(name: str) -> str:
    """Return the nearest name that `check_name` accepts; `sweep` if nothing of it can be kept."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    plain = re.sub(r"\.\.+", ".", plain).lstrip("._-")[:LONGEST].rstrip("._-")
    return _RUN.sub("", plain) or "sweep"


def _expected(name: str) -> str | None:
    """Return the rule that a name breaks; None if it is usable."""
    if not name.strip():
        return f"a name of {_RULE}"
    if len(name) > LONGEST:
        return f"at most {LONGEST} characters, not {len(name)}"
    if ".." in name or name.endswith("."):
        return "a name without `..` and without a dot at its end, because it becomes the name of a folder"
    if not _NAME.fullmatch(name):
        return _RULE
    if _RUN.search(name):
        return "a name that does not end like the name of a run"
    return None


def _show(name: str) -> str:
    """Quote it in ASCII, so that a mark which changes the direction of writing is visible and has no effect."""
    return ascii(name if len(name) <= 60 else name[:60] + "...")
