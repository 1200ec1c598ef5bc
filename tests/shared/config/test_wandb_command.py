"""The command of a W&B sweep, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from shared.config.wandb_command import convert_command
from shared.domain.errors import ConfigError


def words_of(*command: Any, program: str | None = "train.py") -> list[str]:
    return convert_command({"program": program, "command": list(command)}, ["lr", "net.width"])[0]


def test_without_a_command_the_script_is_started_as_wandb_does() -> None:
    assert convert_command({"program": "train.py"}, ["lr"]) == (["python", "train.py", "{args}"], [])


@pytest.mark.parametrize(
    ("macro", "words"),
    [
        ("${args}", ["{args}"]),
        ("${args_no_hyphens}", ["lr={trainer.lr}", "net.width={trainer.net.width}"]),
        ("${args_no_equals}", ["--lr", "{trainer.lr}", "--net.width", "{trainer.net.width}"]),
        ("${args_append_hydra}", ["+lr={trainer.lr}", "+net.width={trainer.net.width}"]),
        ("${args_override_hydra}", ["++lr={trainer.lr}", "++net.width={trainer.net.width}"]),
        ("--rate=${lr}", ["--rate={trainer.lr}"]),
        ("${interpreter}", ["python"]),
        ("${env}", ["/usr/bin/env"]),
        ("--out={x}", ["--out={{x}}"]),
        (3, ["3"]),
    ],
)
def test_a_macro_becomes_what_stands_for_the_same_here(macro: Any, words: list[str]) -> None:
    assert words_of("run", macro) == ["run", *words]


def test_the_json_of_the_arguments_becomes_the_config_with_a_note() -> None:
    words, notes = convert_command({"command": ["run", "--file=${args_json_file}"]}, ["lr"])

    assert words == ["run", "--file={config}"]
    assert notes == [
        "command: ${args_json_file} becomes {config}, a JSON file: the parameters are below `trainer` in it"
    ]


def test_flags_without_a_value_become_values_with_a_note() -> None:
    words, notes = convert_command({"command": ["run", "${args_no_boolean_flags}"]}, ["lr"])

    assert words == ["run", "--lr={trainer.lr}"]
    assert "true and false are passed as --name=true and --name=false" in notes[0]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "program: missing"),
        ({"command": ["${interpreter}", "${program}"]}, "program: missing"),
        ({"command": "python train.py"}, "command is 'python train.py': expected a list of words"),
        ({"command": ["run", "${envvar:HOME}"]}, "let the script read HOME itself"),
        ({"command": ["run", "${width}"]}, "'${width}'; expected a macro of W&B or a parameter"),
    ],
)
def test_a_command_that_cannot_be_carried_over_is_refused(written: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        convert_command(written, ["lr"])

    assert said in str(caught.value)
