"""The functions with which a long operation reports its progress."""

from __future__ import annotations

from collections.abc import Callable

OnStep = Callable[[int, int], None]
"""Called after each step with (done, of how many)."""

OnMessage = Callable[[str], None]
"""Called before each step with a few words for it."""


def ignore_step(done: int, of: int) -> None:
    """Do nothing with a step."""


def ignore_message(text: str) -> None:
    """Do nothing with a message."""
