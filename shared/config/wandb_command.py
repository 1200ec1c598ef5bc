"""The command of a W&B sweep as the words of `trainer.command`.

The macros: https://docs.wandb.ai/models/sweeps/sweep-config-keys#command; W&B's agent fills them in by
wandb/sdk/launch/sweeps/utils.py, create_sweep_command_args, and takes ${env} ${interpreter} ${program} ${args} if there
is no command.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from shared.domain.errors import ConfigError
from shared.domain.wording import show, wrong_value

_USUAL: Final = ("${env}", "${interpreter}", "${program}", "${args}")
_MACRO: Final = re.compile(r"\$\{(?P<name>[^{}]*)\}")
_WHOLE_CONFIG: Final = ("args_json", "args_json_file")
_EACH: Final = {  # what becomes of the macro for each parameter
    "args_no_hyphens": ("{name}={value}",),
    "args_no_equals": ("--{name}", "{value}"),
    "args_append_hydra": ("+{name}={value}",),
    "args_override_hydra": ("++{name}={value}",),
    "args_no_boolean_flags": ("--{name}={value}",),
}


def convert_command(written: Mapping[str, Any], names: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the words of a command over the parameters `names`, and notes on what is different.

    Raises ConfigError for a sweep without a script, and for a macro that cannot be carried over.
    """
    program = written.get("program")
    command = written.get("command") or list(_USUAL)
    if not isinstance(command, list):
        raise wrong_value("command", command, "a list of words", "write one word on each line")
    if program is None and any("${program}" in str(word) for word in command):
        raise ConfigError("missing", path="program", remedy="add the script to run, for example program: train.py")
    notes: list[str] = []
    words: list[str] = []
    for place, word in enumerate(map(str, command)):
        if word == "${env}" and command[place + 1 : place + 2] == ["${interpreter}"]:
            continue  # /usr/bin/env python: the interpreter is found on the PATH in any case
        words += _words(word, program, names, notes)
    return words, notes


def _words(word: str, program: object, names: Collection[str], notes: list[str]) -> list[str]:
    macro = _MACRO.fullmatch(word)
    name = macro["name"] if macro else ""
    if name == "args":
        return ["{args}"]
    if name in _EACH:
        if name == "args_no_boolean_flags":
            notes.append("command: ${args_no_boolean_flags}: true and false are passed as --name=true and --name=false")
        return [part.format(name=each, value=f"{{trainer.{each}}}") for each in names for part in _EACH[name]]
    return [_filled(word, program, names, notes)]


def _filled(word: str, program: object, names: Collection[str], notes: list[str]) -> str:
    """Return a word with its macros replaced, and with all other braces doubled."""
    filled, end = "", 0
    for match in _MACRO.finditer(word):
        filled += _doubled(word[end : match.start()]) + _placeholder(match["name"], program, names, notes)
        end = match.end()
    return filled + _doubled(word[end:])


def _placeholder(name: str, program: object, names: Collection[str], notes: list[str]) -> str:
    plain = {"env": "/usr/bin/env", "interpreter": "python", "program": _doubled(str(program))}
    if name in plain:
        return plain[name]
    if name in names:
        return f"{{trainer.{name}}}"
    if name in _WHOLE_CONFIG:
        notes.append(f"command: ${{{name}}} becomes {{config}}, a JSON file: the parameters are below `trainer` in it")
        return "{config}"
    if name.startswith("envvar:"):
        raise ConfigError(
            f"${{{name}}} has no counterpart, because a sweep is the same on every machine",
            path="command",
            remedy=f"let the script read {name.removeprefix('envvar:')} itself",
        )
    macro = show(f"${{{name}}}")
    raise ConfigError(f"unknown {macro}", path="command", expected="a macro of W&B or a parameter", remedy="remove it")


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
