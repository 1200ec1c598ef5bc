"""The words for a fault in a config or a command: one line with what, where, got, expected, and how to fix it."""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Iterable

from shared.domain.errors import ConfigError
from shared.domain.redaction import redacted

LONGEST_SENTENCE = 500
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def show(value: object) -> str:
    """Return `value` on one line, shortened, with unprintable characters escaped."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else _short.repr(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean x?)` for the nearest of `known`, or nothing."""
    near = nearest(word, known)
    return f" (did you mean {near}?)" if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `word` probably means; the last part of a dotted path stands for the path."""
    words = list(known)
    below = [path for path in words if path.endswith(f".{word}")]
    found = below or difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return found[0] if found else None


def one_line(text: object) -> str:
    """Return the first line of a library's message that is not empty."""
    return next((line.strip() for line in str(text).splitlines() if line.strip()), "no further explanation")


def plain_sentence(text: object) -> str:
    """Return a message of foreign code as one printable line of at most 500 characters, without secrets."""
    line = one_line(text)
    plain = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
    return redacted(plain if len(plain) <= LONGEST_SENTENCE else f"{plain[:LONGEST_SENTENCE]}...")


def refusal(where: str, got: object, expected: str, remedy: str) -> ConfigError:
    """Return the error for a value that cannot be used; the caller raises it."""
    return ConfigError(f"{where} is {show(got)}: expected {expected}; {remedy}")


def finite_number(path: str, value: object) -> float:
    """Return `value` as a float; raise ConfigError with `path` if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        remedy = "write it without quotes" if isinstance(value, str) and _reads_as_number(value) else "write a number"
        raise refusal(path, value, "a number", remedy)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise refusal(path, value, "a finite number", "write a bound that a float can hold")
    return number


def _reads_as_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
