"""A YAML file is refused where it would be read as something else than it says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shared.config.guard import LARGEST_BYTES, check_file, check_text
from shared.domain.errors import ConfigError


def refusal(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        check_text(text.encode() if isinstance(text, str) else text, shown="mine.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("017", "017 would be read as an octal number; quote it ('017') or remove the zero"),
        ("-017", "-017 would be read as an octal number; quote it ('-017') or remove the zero"),
        ("08", "08 would be read as an octal number; quote it ('08') or remove the zero"),
        ("12:30:45", "12:30:45 would be read as a number to base 60; quote it ('12:30:45')"),
        ("1:30", "1:30 would be read as a number to base 60; quote it ('1:30')"),
        ("no", "no would be read as false; quote it ('no') or write false"),
        ("Yes", "Yes would be read as true; quote it ('Yes') or write true"),
        ("on", "on would be read as true; quote it ('on') or write true"),
        ("OFF", "OFF would be read as false; quote it ('OFF') or write false"),
        ("=", "'=' has a special meaning in YAML; quote it"),
        ("1" * 5000, "a number of 5000 characters; shorten it, or quote it if it is a text"),
    ],
)
def test_a_plain_scalar_that_yaml_reads_as_something_else_must_be_quoted(value: str, sentence: str) -> None:
    assert refusal(f"a: 1\nb:\n  c: {value}\n") == f"mine.yaml:3: b.c: {sentence}"


@pytest.mark.parametrize(
    "value", ["'017'", '"12:30:45"', "'no'", "0", "0.5", "-1", "1e-4", "true", "1_000", "2024-01-01"]
)
def test_what_is_quoted_or_unambiguous_is_accepted(value: str) -> None:
    assert check_text(f"a: {value}".encode(), shown="mine.yaml").lines == {"a": 1}


def test_a_trap_inside_a_list_is_found_too() -> None:
    assert refusal("a: [1, 017]") == (
        "mine.yaml:1: a[1]: 017 would be read as an octal number; quote it ('017') or remove the zero"
    )


def test_malformed_yaml_is_located_by_line_and_column() -> None:
    assert refusal("a: 1\nb: [1,\n").startswith("mine.yaml:3:1: malformed YAML: ")
    assert refusal("a: b: c") == (
        "mine.yaml:1:5: malformed YAML: mapping values are not allowed here; check this line and the line above it"
    )
    assert "found character '\\t'" in refusal("a:\n\tb: 1")


def test_a_key_that_is_there_twice_is_refused_with_both_lines() -> None:
    assert (
        refusal("a:\n  b: 1\n  c: 2\n  b: 3\n") == "mine.yaml:4: a.b: written twice (first in line 2); keep one of them"
    )


def test_a_key_that_is_no_text_must_be_quoted() -> None:
    assert refusal("on: 1") == "mine.yaml:1: the key 'on' is not a text; put quotes around it"
    assert refusal("1: 1") == "mine.yaml:1: the key '1' is not a text; put quotes around it"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert refusal(text) == "mine.yaml: empty; expected keys and values; write {} for none on purpose"


def test_binary_data_is_refused() -> None:
    assert refusal(b"\x7fELF\0\0\1") == "mine.yaml: binary data; expected YAML text in UTF-8"
    assert refusal(b"a: 1\nb: \xff\xfe") == "mine.yaml:2: not UTF-8 text (byte 8); save the file as UTF-8"


def test_a_control_character_is_refused() -> None:
    assert refusal("a: \x07").startswith("mine.yaml: not YAML: unacceptable character")


def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("a: 1\n" * LARGEST_BYTES)

    with pytest.raises(ConfigError, match="larger than 256 KiB"):
        check_file(path, shown="large.yaml")


def test_a_list_is_no_config() -> None:
    assert refusal("- a\n- b\n") == "mine.yaml:1: got a list; expected keys and values (`key: value`)"


def test_a_second_document_is_refused() -> None:
    assert refusal("a: 1\n---\nb: 2\n") == (
        "mine.yaml:2: a second document (`---`); expected one document; put it into a file of its own"
    )


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!env", "!!binary", "!!timestamp"])
def test_a_tag_is_refused(tag: str) -> None:
    assert "expected plain values; remove the tag" in refusal(f"a: 1\nb: {tag} x")
    assert refusal(f"a: 1\nb: {tag} x").startswith("mine.yaml:2: got the tag ")


def test_an_alias_bomb_is_refused_at_once() -> None:
    levels = [f"b{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    started = time.monotonic()

    sentence = refusal("\n".join(["a: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]", *levels]))

    assert "more than 20000 values, aliases expanded" in sentence
    assert time.monotonic() - started < 1


def test_very_many_aliases_are_refused() -> None:
    assert refusal("a: &a 1\nb: [" + ", ".join(["*a"] * 101) + "]") == (
        "mine.yaml:2: more than 100 aliases (*name); write the values instead"
    )


def test_an_alias_that_contains_itself_is_refused() -> None:
    assert "an alias that contains itself" in refusal("a: &a [*a]")


def test_a_few_aliases_and_a_merge_are_accepted() -> None:
    assert check_text(b"a: &a {b: 1}\nc:\n  <<: *a\n  d: *a\n", shown="mine.yaml").lines["c.d"] == 4


def test_very_deep_nesting_is_refused() -> None:
    assert refusal("a: " + "[" * 5000) == "mine.yaml:1: more than 40 levels of nesting; flatten it"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.yaml: cannot be read: No such file"):
        check_file(tmp_path / "gone.yaml", shown="gone.yaml")
