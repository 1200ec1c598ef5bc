"""What starts the workers that a sweep still needs, in the store that it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.missing import say_missing
from shared.domain.sweep import SweepState
from shared.store.fleet import LiveWorker

if TYPE_CHECKING:
    from tests.conftest import ASweep

UP = "no suggester and no trainer is running: run `sweepctl up`, or `sweepctl run` with the same config"


def a_trainer(**changes: object) -> LiveWorker:
    usual = {"id": "t@h:1", "service": "trainer", "host": "h", "pid": 1, "queues": ("gpu",), "slots": 1, "version": "1"}
    return LiveWorker.model_validate({**usual, **changes})


def test_in_a_store_that_others_reach_each_missing_worker_has_its_command(a_sweep: ASweep) -> None:
    sweep = a_sweep(config={"sim": {"simulations": {"a": {}}}})

    assert say_missing(sweep, [a_trainer()], private=False) == [
        "no suggester is running: start one with `celery -A services.suggester worker -Q suggest,results`",
        "no evaluator is running: start one with `celery -A services.evaluator worker -Q eval`",
    ]


def test_in_the_private_store_of_a_folder_the_stack_of_the_folder_starts_them(a_sweep: ASweep) -> None:
    sweep = a_sweep(config={"sim": {"simulations": {}}})

    assert say_missing(sweep, [], private=True) == [UP]


@pytest.mark.parametrize("private", [True, False])
def test_a_sweep_that_is_over_misses_nobody(a_sweep: ASweep, private: bool) -> None:
    assert say_missing(a_sweep(state=SweepState.FINISHED), [], private=private) == []
