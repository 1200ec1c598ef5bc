"""Where commands print: as wide as the terminal, and into a pipe as wide as it takes."""

from __future__ import annotations

import os
import sys

from rich.console import Console

PIPE_WIDTH = 240  # paths and ids stay whole for whoever reads or copies them


def screen(*, highlight: bool = True) -> Console:
    """Return the console of a command's result; `highlight` colours numbers and paths."""
    is_narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_narrow else PIPE_WIDTH, highlight=highlight)
