"""The command of a training in any language: its words and their placeholders."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from shared.domain.errors import ConfigError
from shared.domain.wording import nearest, show, wrong_value

ARGS: Final = "{args}"
PYTHON: Final = "{python}"
OWN: Final = ("args", "checkpoint_dir", "config", "device", "python", "run", "seed")
PREFIX: Final = "trainer."
EXAMPLE: Final = "[python, train.py]"
BRACES: Final = "write {{ or }} for a literal brace"
_PART: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")
_OF_PATTERNS: Final = set(",*?[]")  # they have a special meaning in SWEEP_ALLOW


def split_command(written: object) -> tuple[str, ...]:
    """Return the words of a command, which is a list or one text with a shell's quotes.

    Raises ConfigError for anything else, for an empty command, and for an unclosed quote.
    """
    if isinstance(written, str):
        try:
            words = shlex.split(written)
        except ValueError as error:
            raise ConfigError(
                f"cannot be split into words ({str(error).lower()})",
                got=show(written),
                remedy="close the quote, or write a list of words",
            ) from None
    elif isinstance(written, list | tuple):
        words = [_word(word) for word in written]
    else:
        raise wrong_value("", written, "a text or a list of words", f"write for example {EXAMPLE}")
    if not words or not words[0]:
        raise ConfigError("empty", expected="a program and its arguments", remedy=f"write for example {EXAMPLE}")
    return tuple(words)


def with_interpreter(words: Sequence[str], python: str | None) -> tuple[str, ...]:
    """Return the words of a command; a program that is just Python becomes the interpreter at the path `python`."""
    first, *others = words
    return (python, *others) if python and first in (PYTHON, "python", "python3") else tuple(words)


def program_of(words: Collection[str]) -> str:
    """Return the program that a command starts, as SWEEP_ALLOW names it. Raises ConfigError if it is ambiguous."""
    program = next(iter(words))
    if program == PYTHON:
        return "python"
    if "{" in program or "}" in program:
        raise _unclear(program, f"a program without placeholders, or {PYTHON}")
    if ".." in program.split("/") or _OF_PATTERNS & set(program):
        raise _unclear(program, "a name or a path without `..` and without , * ? [ ]")
    return program


def _unclear(program: str, expected: str) -> ConfigError:
    return ConfigError(f"the program is {show(program)}", expected=expected)


def check_placeholders(words: Collection[str], *, known: Collection[str], sometimes: Collection[str] = ()) -> None:
    """Raise ConfigError unless every placeholder is built in or one of the `known` dotted paths of the config.

    `sometimes` are paths that some runs have no value for.
    """
    for word in words:
        for name in placeholders(word):
            if name == "args" and word != ARGS:
                remedy = f"make {ARGS} a separate word"
                raise ConfigError(f"{ARGS} is part of the word {show(word)}", remedy=remedy)
            if name in sometimes:
                raise ConfigError(
                    f"{{{name}}} has no value in runs where it is inactive",
                    remedy=f"give it a value in the trainer's config, or use {ARGS}",
                )
            if name not in OWN and name not in known:
                raise ConfigError(
                    f"unknown placeholder {{{name}}}",
                    meant=nearest(name, [*OWN, *known]),
                    expected=f"a key of the config, such as {{trainer.learning_rate}}, or one of {', '.join(OWN)}",
                    remedy=BRACES,
                )


def placeholders(word: str) -> Iterator[str]:
    """Yield the names in braces of one word. Raises ConfigError for an unmatched brace."""
    for match in _PART.finditer(word):
        if len(match[0]) == 1:
            raise ConfigError(f"unmatched brace in the word {show(word)}", remedy=BRACES)
        if match["name"] is not None:
            yield match["name"]


def fill(words: Collection[str], values: Mapping[str, Any], params: Mapping[str, Any]) -> list[str]:
    """Return the words with `values` in place of their names, and with `params` in place of `{args}`.

    Raises ConfigError for a name without a value.
    """
    filled: list[str] = []
    for word in words:
        filled += arguments(params) if word == ARGS else [_filled(word, values)]
    return filled


def arguments(params: Mapping[str, Any]) -> list[str]:
    """Return `--a.b=value` for each suggested parameter, its path without the leading `trainer.`."""
    return [f"--{path.removeprefix(PREFIX)}={as_text(value)}" for path, value in params.items()]


def as_text(value: Any) -> str:
    """Return a value as a word: a text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    """Return JSON whose numbers are numbers for a reader of YAML, too: 1.0e-05, not 1e-05."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {as_json(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(as_json(below) for below in value) + "]"
    text = json.dumps(value, allow_nan=False)
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text


def _word(word: object) -> str:
    if isinstance(word, bool) or not isinstance(word, str | int | float):
        raise ConfigError(f"the word {show(word)} is not a text", remedy="put quotes around it")
    return as_text(word)


def _filled(word: str, values: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0][0]
        if name not in values:
            raise ConfigError(f"{{{name}}} has no value in this run", path="trainer.command")
        return as_text(values[name])

    return _PART.sub(value, word)
