"""The workers in the background, as `up` and `down` show them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.run import RunState
from shared.local.stack import Stack
from shared.local.stack_down import Down
from sweepctl.views.stack import down_view, stack_view

if TYPE_CHECKING:
    from tests.conftest import ARun

PLACE = "redis://:***@head:6379/0"


def a_stack(**changes: object) -> Stack:
    usual = {"url": "unix:///s", "pid": 1, "data_dir": "/data", "folder": "/", "allow": (), "parts": ()}
    return Stack.model_validate({**usual, **changes})


def test_what_a_stack_lacks_is_shown_with_the_remedy() -> None:
    text = stack_view(a_stack(), PLACE, started=False, lacks=["it has no Flower"])

    assert "it has no Flower: run `sweepctl down`, then the same command again" in text


def test_a_part_that_died_is_shown_with_its_log() -> None:
    part = {"name": "trainer", "pid": None, "deaths": 3, "starts_in": 4.0, "log": "/logs/trainer.log"}

    text = stack_view(a_stack(parts=[part]), PLACE, started=False)

    assert "up already: trainer (dead, restarts in 4 s)" in text
    assert "trainer died 3 times: see /logs/trainer.log" in text


def test_a_part_that_cannot_run_is_shown_as_failed_with_its_reason() -> None:
    part = {"name": "trainer", "pid": None, "deaths": 1, "starts_in": 0.0, "log": "/logs/trainer.log"}
    stack = a_stack(parts=[{**part, "failed": True, "exit_code": 6, "reason": "another store answers"}])

    text = stack_view(stack, PLACE, started=False)

    assert "up already: trainer (failed)" in text
    assert "trainer is not started again: another store answers; see /logs/trainer.log" in text
    assert "died" not in text


def test_a_store_that_others_reach_is_shown_without_its_password() -> None:
    text = stack_view(a_stack(url="redis://:s3cret@head:6379/0"), PLACE, started=True)

    assert f"store   {PLACE}" in text
    assert "s3cret" not in text


def test_what_was_shut_down_is_shown_with_what_continues_later(a_run: ARun) -> None:
    ended = Down(("trainer",), ("trainer",), (a_run(RunState.TRAINING), a_run(RunState.OBSERVED)), ("s",), False)

    assert down_view(ended, Path("/data")).splitlines() == [
        "down: trainer; the store is still running: another command uses it",
        "trainer did not end in time and was killed",
        "  run s.r.1 is back in the queue and continues from its start",
        "unfinished: s; the next `sweepctl up` continues",
    ]
    assert down_view(Down(), Path("/data")) == "nothing is running in /data: start it with `sweepctl up`"
