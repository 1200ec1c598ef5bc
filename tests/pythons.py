"""The Pythons of this machine that a training may run in."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

OLDEST: Final = (3, 9)
NEWEST: Final = (3, 15)
_VERSION: Final = "import sys; print(*sys.version_info[:2])"


@cache
def installed_pythons() -> dict[str, str]:
    """Return a Python of each version that is installed, by its version: those on the PATH, and those of pyenv."""
    found: dict[str, str] = {}
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        name = f"python{OLDEST[0]}.{minor}"
        of_pyenv = sorted(Path("~/.pyenv/versions").expanduser().glob(f"*/bin/{name}"))
        path = next((one for one in (shutil.which(name), *map(str, of_pyenv)) if one and _starts(one, minor)), None)
        if path:
            found[f"3.{minor}"] = path
    return found


def _starts(path: str, minor: int) -> bool:
    ended = subprocess.run([path, "-c", _VERSION], capture_output=True, text=True, check=False)
    return ended.stdout.split() == ["3", str(minor)]
