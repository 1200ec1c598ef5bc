"""When a process that ended is started again."""

from __future__ import annotations

import pytest

from shared.local.exit_codes import is_final
from shared.local.restarts import Life, RestartRule


def test_a_process_that_ends_again_and_again_waits_longer_each_time_up_to_a_minute() -> None:
    rule = RestartRule()

    assert [rule.wait(ends) for ends in (1, 2, 3, 7, 1000)] == [1, 2, 4, 60, 60]


def test_a_rule_with_a_limit_gives_up_after_so_many_restarts_in_a_row() -> None:
    rule = RestartRule(most_in_a_row=2)

    assert [rule.wait(ends) for ends in (1, 2, 3)] == [1, 2, None]


def test_after_a_process_ran_for_a_minute_the_delays_start_again() -> None:
    life = Life(RestartRule(most_in_a_row=3))
    life.start(now=0.0)
    for at in (1.0, 2.0, 3.0):
        life.die(now=at)
        life.start(now=at)

    assert life.die(now=3.0 + life.rule.steady_seconds) == 1.0
    assert (life.deaths, life.in_a_row, life.is_over) == (4, 1, False)


def test_a_process_that_ended_is_due_after_its_wait_and_one_that_runs_never() -> None:
    life = Life()
    life.start(now=0.0)
    assert life.runs
    assert not life.is_due(now=100.0)

    life.die(now=100.0)

    assert not life.runs
    assert not life.is_due(now=100.9)
    assert life.is_due(now=101.0)


def test_a_process_that_ended_for_good_is_never_due_until_somebody_starts_it() -> None:
    life = Life()
    life.start(now=0.0)

    assert life.die(now=1.0, for_good=True) is None

    assert (life.is_over, life.runs, life.is_due(now=1e9)) == (True, False, False)
    life.start(now=2.0)
    assert life.runs


@pytest.mark.parametrize("exit_code", [2, 4, 5, 6])
def test_a_worker_with_wrong_settings_or_no_access_or_another_store_would_fail_again(exit_code: int) -> None:
    assert is_final(exit_code, private_store=True)
    assert is_final(exit_code, private_store=False)


@pytest.mark.parametrize("exit_code", [0, 1, -9, 70, 75])
def test_a_worker_that_was_killed_or_crashed_may_run_the_next_time(exit_code: int) -> None:
    assert not is_final(exit_code, private_store=True)
    assert not is_final(exit_code, private_store=False)


def test_only_a_private_store_is_started_again_for_a_worker_that_did_not_reach_it() -> None:
    assert is_final(3, private_store=False)
    assert not is_final(3, private_store=True)
