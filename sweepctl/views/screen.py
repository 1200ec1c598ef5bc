"""Where commands print: as wide as the terminal, and without a terminal at most 100 columns wide."""

from __future__ import annotations

import os
import sys

from rich.console import Console

PIPE_WIDTH = 100


def screen(*, highlight: bool = True, on_stderr: bool = False) -> Console:
    """Return the console of a command's result; `highlight` colours numbers and paths."""
    stream = sys.stderr if on_stderr else sys.stdout
    has_width = stream.isatty() or "COLUMNS" in os.environ
    return Console(width=None if has_width else PIPE_WIDTH, highlight=highlight, stderr=on_stderr)
