"""How values, suggestions and other people's messages are put into words, the same everywhere."""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shared.domain.errors import ConfigError, Unreadable
from shared.domain.fault import hint
from shared.domain.redaction import redacted

LONGEST_SENTENCE = 500
MOST_LISTED = 12
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_EXPECTED: Final = {  # by pydantic's types of faults, with the values of their context
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "keys and values",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_attributes_type": "keys and values",
    "model_type": "keys and values",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "tuple_type": "a list",
}


def show(value: object) -> str:
    """Return `value` on one line, shortened, with unprintable characters escaped."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else _short.repr(value)


def listed(values: Iterable[object]) -> str:
    """Return the first of the `values`, each as `show` writes it, with commas between them."""
    shown = [show(value) for value in values]
    return ", ".join(shown if len(shown) <= MOST_LISTED else [*shown[: MOST_LISTED - 1], "..."])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean x?)` for the nearest of `known`, or nothing."""
    return hint(nearest(word, known))


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


def expected_by(fault: Mapping[str, Any]) -> str:
    """Return what pydantic expected where it found a fault, one of `ValidationError.errors()`."""
    context = {key: f"{value:g}" if isinstance(value, float) else value for key, value in fault.get("ctx", {}).items()}
    form = _EXPECTED.get(str(fault["type"]))
    return form.format(**context) if form else one_line(fault["msg"])


def another_version(what: str, faults: Sequence[Mapping[str, Any]]) -> Unreadable:
    """Return the error for a record that this version cannot read, with the first of the `faults` of pydantic."""
    first = faults[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        fault = f"{key} is missing"
    elif first["type"] in _EXPECTED:
        fault = f"{key}: expected {expected_by(first)}"
    else:
        fault = ": ".join(part for part in (key, one_line(first["msg"])) if part)
    return Unreadable(f"{what} was written by another version ({fault}); install that version")


def wrong_value(path: str, got: object, expected: str, remedy: str = "", *, meant: str | None = None) -> ConfigError:
    """Return the error for a value that cannot be used; raise it where the value is found."""
    return ConfigError(path=path, got=show(got), expected=expected, remedy=remedy, meant=meant)


def finite_number(path: str, value: object) -> float:
    """Return `value` as a float; raise ConfigError with `path` if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        remedy = "remove the quotes" if isinstance(value, str) and reads_as_number(value) else "write a number"
        raise wrong_value(path, value, "a number", remedy)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise wrong_value(path, value, "a finite number", "write a number that a float can hold")
    return number


def reads_as_number(text: str) -> bool:
    """Whether a text is a finite number in quotes."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
