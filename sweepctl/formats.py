"""Numbers, times, names and paths as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.domain.configuration import Configuration
from shared.domain.run import Run

BARS = "▁▂▃▄▅▆▇█"


def number(value: float | int | None, digits: int = 4) -> str:
    """Return a number with few digits; a dash for none."""
    return "-" if value is None else f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def interval(configuration: Configuration) -> str:
    """Return the 95 % interval of a configuration's score as `430 to 480`; a dash while it is not known."""
    if configuration.low is None:
        return "-"
    return f"{number(configuration.low)} to {number(configuration.high)}"


def cost(value: float | None, kind: str) -> str:
    """Return a cost in its unit: a duration if `kind` is `seconds`, a plain number otherwise."""
    return duration(value) if kind == "seconds" else number(value)


def duration(seconds: float | None) -> str:
    """Return seconds as `42 s`, `3 min 20 s` or `5 h 10 min`."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def steps(value: int) -> str:
    """Return a count of steps as `500`, `12.3k` or `4.5M`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(value)


def early_stop(at: int, of: int | None) -> str:
    """Return at which step a run was stopped early, and of how many."""
    return f"stopped early at step {steps(at)}{f' of {steps(of)}' if of else ''}"


def trouble(run: Run) -> str:
    """Return on one line what went wrong with a run; nothing once another attempt has begun."""
    if run.failure:
        return unbroken(run.failure.message)
    if run.owner:
        return ""
    return "queued again" if run.last_move == "retried" else unbroken(run.setback or "")


def unbroken(text: str) -> str:
    """Return a text without its line breaks."""
    return " ".join(text.split())


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """Return the values, from the first to the last, as one line of bars, the lowest of them at the bottom."""
    if not values:
        return ""
    size = min(width, len(values))
    shown = [values[round(index * (len(values) - 1) / max(size - 1, 1))] for index in range(size)]
    low, high = min(shown), max(shown)
    span = high - low or 1.0
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in shown)


def bar(share: float, width: int = 12) -> str:
    """Return a bar that is filled to `share` (0 to 1)."""
    filled = round(min(max(share, 0.0), 1.0) * width)
    return "━" * filled + "╌" * (width - filled)


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return for each dotted path the shortest ending that no other path has."""
    names: dict[str, str] = {}
    for path in paths:
        parts = path.split(".")
        for size in range(1, len(parts) + 1):
            ending = ".".join(parts[-size:])
            if sum(other == ending or other.endswith("." + ending) for other in paths) == 1:
                break
        names[path] = ending
    return names


def all_paths(several: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the dotted paths of the parameters of several runs; a run lacks those that are inactive in it."""
    return list(dict.fromkeys(path for params in several for path in params))


def count(number: int, thing: str) -> str:
    """Return `1 run` or `5 runs`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters: a longer one loses its middle."""
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


def beginning(text: str, most: int) -> str:
    """Return a text of at most `most` characters: a longer one loses its end."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def place(path: str | Path) -> str:
    """Return a path relative to the current folder if it is inside of it, else the whole path."""
    whole = Path(path)
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)


def params_line(params: Mapping[str, Any]) -> str:
    """Return the parameters on one line."""
    names = short_names(list(params))
    return "  ".join(f"{names[path]}={number(value)}" for path, value in params.items())
