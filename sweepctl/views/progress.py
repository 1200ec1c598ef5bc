"""What a command that takes longer than a moment shows on stderr until it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress_of(what: str, *, as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes (done, of how many) and draws a bar: on a terminal, and not with --json."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=as_json or not console.is_terminal)
    task = bar.add_task(what, total=None)

    def draw(done: int, of: int) -> None:
        bar.start()  # not before there is something to draw: an error that comes first is all that is printed
        bar.update(task, completed=done, total=of)

    try:
        yield draw
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def steps_of(*, as_json: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that takes the name of the current step and shows it: on a terminal, and not with --json."""
    console = Console(stderr=True, quiet=as_json)
    with console.status("", spinner="dots") as status:
        yield lambda text: status.update(f"{text} ...")
