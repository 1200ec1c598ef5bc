"""What is tolerated in a log, and what is not."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Unreadable
from shared.domain.events import RunCheckpointed, RunObserved, UnknownEvent, parse_log, require_readable
from tests.logs import log_of

NEWER: tuple[dict[str, Any], ...] = (
    {"kind": "teleported", "run": 1, "to": "the moon"},
    {"kind": "checkpointed", "run": 1, "step": "ten"},
    {"kind": "checkpointed", "run": "one", "step": 10},
    {"kind": "claimed", "run": 1, "state": "dreaming", "attempt": 1, "worker": "w", "step": 0},
    {"kind": "observed", "run": 1, "score": 1.0},
    {"kind": 7, "run": 1},
    {"run": 1},
)


def test_a_field_of_a_newer_version_is_ignored() -> None:
    ((_, _, event),) = log_of({"kind": "checkpointed", "run": 1, "step": 10, "colour": "red"})

    assert event == RunCheckpointed(run=1, step=10)


@pytest.mark.parametrize("body", NEWER, ids=str)
def test_an_event_that_cannot_be_read_is_unknown_and_keeps_all_of_its_body(body: dict[str, Any]) -> None:
    ((_, _, event),) = log_of(body)

    assert isinstance(event, UnknownEvent)
    assert event.plain() == body
    assert event.kind == (body.get("kind") if isinstance(body.get("kind"), str) else "?")
    assert event.run == (1 if body["run"] == 1 else None)


@pytest.mark.parametrize("body", [[], "text", None, 5])
def test_what_is_no_mapping_is_unknown(body: Any) -> None:
    ((_, _, event),) = log_of(body)

    assert isinstance(event, UnknownEvent)
    assert (event.kind, event.run, event.plain()) == ("?", None, {"kind": "?"})


def test_the_events_beside_an_unknown_one_are_read() -> None:
    known = {"kind": "checkpointed", "run": 1, "step": 10}

    found = log_of(known, NEWER[0], known)

    assert [entry.event.kind for entry in found] == ["checkpointed", "teleported", "checkpointed"]
    assert [entry.position for entry in found] == [1, 2, 3]


@pytest.mark.parametrize("text", ["", "[", "[[1,2]]", "{}", '[["a",2,{}]]'])
def test_a_text_that_is_no_log_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="the log of a sweep cannot be read: "):
        parse_log(text)


def test_an_event_of_a_known_kind_in_an_unknown_form_is_for_the_version_that_wrote_it() -> None:
    known, added, changed = log_of({"kind": "cancelled", "run": 1}, NEWER[0], NEWER[1])

    require_readable(known)
    require_readable(added)
    with pytest.raises(Unreadable, match="entry 3 of the log, 'checkpointed', was written by another version: install"):
        require_readable(changed)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_to_the_bit(score: float, param: float) -> None:
    body = {"kind": "observed", "run": 1, "score": score, "cost": 1.0, "trained": {"x": param, "n": 2**60}}

    ((_, _, event),) = log_of(body)

    assert isinstance(event, RunObserved)
    for read, written in ((event.score, score), (event.trained["x"], param)):
        assert (read, math.copysign(1.0, read)) == (written, math.copysign(1.0, written))
    assert json.dumps(event.plain()) == json.dumps(body)
