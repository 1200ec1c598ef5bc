"""A bar for what takes longer than a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress_of(what: str, *, as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield what is to be told (done, of how many); it draws on a terminal, and for scripts not at all."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=as_json or not console.is_terminal)
    task = bar.add_task(what, total=None)

    def tell(done: int, of: int) -> None:
        bar.start()  # not before there is something to draw: an error is all that the screen shows then
        bar.update(task, completed=done, total=of)

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()
