"""The words of a command: how they are split, what may stand in them, what they become."""

from __future__ import annotations

import json

import pytest
import yaml

from shared.domain.command import arguments, as_json, check_placeholders, fill, program_of, split_command
from shared.domain.errors import ConfigError

KNOWN = ("trainer.optimizer.learning_rate", "trainer.data", "sweep_run")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("./train.sh", ("./train.sh",)),
        ("python train.py {args}", ("python", "train.py", "{args}")),
        ("sh -c 'echo \"$1\"' x", ("sh", "-c", 'echo "$1"', "x")),
        (["python", "a file.py", ""], ("python", "a file.py", "")),
        (["python", "--epochs", 10, "--rate", 1e-5], ("python", "--epochs", "10", "--rate", "1.0e-05")),
    ],
)
def test_a_command_is_a_list_of_words_or_a_text_in_a_shells_quotes(written: object, words: tuple[str, ...]) -> None:
    assert split_command(written) == words


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", "empty; expected a program and its arguments"),
        ("  ", "empty; expected a program and its arguments"),
        ([], "empty; expected a program and its arguments"),
        ([""], "empty; expected a program and its arguments"),
        ("python 'train.py", "no closing quotation"),
        (3, "got 3; expected a text or a list of words"),
        (["python", True], "the word true is not a text; put quotes around it"),
        (["python", None], "the word null is not a text; put quotes around it"),
    ],
)
def test_what_is_no_command_is_refused(written: object, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        split_command(written)


@pytest.mark.parametrize("program", ["python", "./train.sh", "/opt/julia-1.9/bin/julia", "a+b"])
def test_the_program_is_the_first_word(program: str) -> None:
    assert program_of([program, "x"]) == program


def test_the_python_of_the_worker_is_allowed_by_the_name_of_any_python() -> None:
    assert program_of(["{python}", "train.py"]) == "python"


@pytest.mark.parametrize(
    "program", ["{run}", "./{trainer.data}.sh", "../train.sh", "/opt/../bin/sh", "a,b", "tr*", "x?"]
)
def test_a_program_that_a_permission_could_not_name_is_refused(program: str) -> None:
    with pytest.raises(ConfigError, match="the program is"):
        program_of([program])


def test_placeholders_are_replaced_by_values_and_doubled_braces_by_braces() -> None:
    values = {
        "trainer.rate": 1e-5,
        "trainer.sizes": [64, 32],
        "run": "s.r.1",
        "trainer.fast": True,
        "trainer.none": None,
    }

    filled = fill(
        ["x", "--rate={trainer.rate}", "{trainer.sizes}", "{{{run}}}", "{trainer.fast}{trainer.none}"], values, {}
    )

    assert filled == ["x", "--rate=1.0e-05", "[64, 32]", "{s.r.1}", "truenull"]


def test_the_word_args_becomes_an_argument_for_each_suggested_parameter() -> None:
    params = {"trainer.optimizer.type": "adam w", "trainer.rate": 0.5, "trainer.n": 3}

    assert fill(["x", "{args}", "last"], {}, params) == ["x", *arguments(params), "last"]
    assert arguments(params) == ["--optimizer.type=adam w", "--rate=0.5", "--n=3"]


def test_a_value_is_never_read_again_as_a_placeholder() -> None:
    assert fill(["{trainer.data}"], {"trainer.data": "{run}"}, {}) == ["{run}"]


def test_known_placeholders_pass() -> None:
    check_placeholders(["x", "{args}", "{run}-{seed}", "{trainer.data}", "{{ }}", "{checkpoint_dir}"], known=KNOWN)


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("{trainer.dta}", r"unknown placeholder \{trainer.dta\} \(did you mean trainer.data\?\)"),
        ("{learning_rate}", r"\{learning_rate\} \(did you mean trainer.optimizer.learning_rate\?\)"),
        ("{checkpoints_dir}", r"\(did you mean checkpoint_dir\?\)"),
        ("{zzz}", r"unknown placeholder \{zzz\}; expected a key of the config"),
        ("{}", "unknown placeholder"),
        ('{"a": 1}', "unknown placeholder .* write {{ or }} for a literal brace"),
        ("--x={args}", r"\{args\} is part of the word .*; make \{args\} a separate word"),
        ("a { b", "unmatched brace"),
        ("a}", "unmatched brace"),
    ],
)
def test_any_other_placeholder_is_refused_with_what_was_meant(word: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        check_placeholders(["x", word], known=KNOWN)


def test_a_placeholder_that_only_some_runs_can_fill_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\{trainer.momentum\} has no value in runs where it is inactive"):
        check_placeholders(["{trainer.momentum}"], known=KNOWN, sometimes={"trainer.momentum"})


def test_a_config_is_written_so_that_json_and_yaml_say_the_same() -> None:
    config = {
        "rate": 1e-5,
        "big": 1e300,
        "whole": 2.0,
        "text": "1e-5",
        "list": [1e-8, None, True],
        "deep": {"a": "é\n"},
    }

    assert json.loads(as_json(config)) == yaml.safe_load(as_json(config)) == config
