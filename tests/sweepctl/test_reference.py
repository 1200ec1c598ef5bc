"""The reference of the command line is that of the commands as they are, and every example can be typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.errors import ConfigError
from sweepctl.reference import BEGIN, END, commands, parse, parts_of, reference, words_of, written_into

PAGE = Path(__file__).parents[2] / "docs/reference/command-line.md"


def test_the_page_has_the_help_of_the_commands_as_it_is_now() -> None:
    assert PAGE.read_text() == written_into(PAGE.read_text()), "run `make reference`"


@pytest.mark.parametrize("name", commands())
def test_every_command_has_an_example_that_the_parser_takes(name: str) -> None:
    _, _, examples = parts_of(commands()[name].help)

    assert examples
    for example in examples:
        words = words_of(example)
        assert words[0] == name
        parse(words)


@pytest.mark.parametrize("words", [["status", "--colour"], ["dance"], ["cancel"], ["logs", "s.r.1", "--attempt", "0"]])
def test_words_that_the_parser_refuses_are_noticed(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"No such|no command|Missing|greater than"):
        parse(words)


@pytest.mark.parametrize("name", commands())
def test_every_command_says_what_it_does_in_one_sentence_and_what_each_option_means(name: str) -> None:
    first, _, _ = parts_of(commands()[name].help)

    assert first.endswith(".")
    assert [option.name for option in commands()[name].params if not getattr(option, "help", None)] == []


def test_the_reference_names_every_option_of_every_command() -> None:
    text = reference()

    for name, command in commands().items():
        section = text.partition(f"### sweepctl {name}\n")[2].partition("\n### ")[0]
        options = [word for option in command.params if option.param_type_name == "option" for word in option.opts]
        assert options
        assert [word for word in options if word not in section] == []


def test_the_text_around_the_reference_does_not_change() -> None:
    page = f"# Title\n\n{BEGIN}\nof yesterday\n{END}\n\nafter\n"

    written = written_into(page)

    assert written.startswith(f"# Title\n\n{BEGIN}\n")
    assert written.endswith(f"{END}\n\nafter\n")
    assert "of yesterday" not in written
    assert written_into(written) == written
    with pytest.raises(ConfigError, match="no place for the reference"):
        written_into("# Title\n")
