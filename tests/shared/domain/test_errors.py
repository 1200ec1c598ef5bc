"""Config errors as data, and the one form of their text."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from shared.domain.errors import ConfigError
from shared.domain.redaction import MASK
from shared.domain.wording import expected_by, wrong_value


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"problem": "no sweep is chosen"}, "no sweep is chosen"),
        ({"problem": "missing", "path": "a.b"}, "a.b: missing"),
        ({"path": "a", "got": "1", "expected": "a text"}, "a is 1: expected a text"),
        ({"got": "'x'", "expected": "key=value"}, "got 'x'; expected key=value"),
        (
            {"path": "a", "got": "'mx'", "expected": "max", "meant": "max"},
            "a is 'mx': expected max (did you mean max?)",
        ),
        ({"problem": "unknown key", "path": "a", "meant": "b"}, "a: unknown key (did you mean b?)"),
        (
            {
                "problem": "unknown key",
                "place": "f.yaml:3",
                "path": "a",
                "got": "1",
                "expected": "b or c",
                "meant": "b",
                "remedy": "remove it",
                "more": 2,
            },
            "f.yaml:3: a is 1: unknown key (did you mean b?); expected b or c; remove it (and 2 more)",
        ),
    ],
)
def test_a_config_error_is_worded_from_its_data_in_one_form(fault: dict[str, Any], text: str) -> None:
    assert str(ConfigError(**fault)) == text


def test_place_section_and_number_of_a_config_error_change_its_data_and_so_its_text() -> None:
    error = wrong_value("min", 2, "less than max")

    changed = error.within("sweep.x").at("mine.yaml:4").among(1)

    assert (changed.fault.place, changed.fault.path, changed.fault.got) == ("mine.yaml:4", "sweep.x.min", "2")
    assert str(changed) == "mine.yaml:4: sweep.x.min is 2: expected less than max (and 1 more)"
    assert str(error) == "min is 2: expected less than max"
    assert error.at(None) is error


def test_no_part_of_a_config_error_shows_a_secret() -> None:
    key = "sk-abcdefghijklmnopqrstuvwx"

    error = ConfigError(f"not {key}", place=key, path=key, got=key, expected=key, remedy=key)

    assert key not in str(error)
    assert key not in str(error.fault)
    assert MASK in str(error)


def test_a_config_error_keeps_its_data_between_processes() -> None:
    error = wrong_value("a", 1, "a text")

    assert pickle.loads(pickle.dumps(error)).fault == error.fault


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"type": "int_parsing", "msg": "Input should be a valid integer"}, "a whole number"),
        ({"type": "greater_than_equal", "ctx": {"ge": 1}, "msg": ""}, "1 or more"),
        ({"type": "less_than_equal", "ctx": {"le": 0.5}, "msg": ""}, "0.5 or less"),
        ({"type": "literal_error", "ctx": {"expected": "'a' or 'b'"}, "msg": ""}, "'a' or 'b'"),
        ({"type": "a type of tomorrow", "msg": "Input should be odd"}, "Input should be odd"),
    ],
)
def test_what_pydantic_expected_is_worded_by_the_type_of_the_fault(fault: dict[str, Any], expected: str) -> None:
    assert expected_by(fault) == expected
