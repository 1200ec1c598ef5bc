"""How often a part of the local stack is started again."""

from __future__ import annotations

from shared.local.restarts import STEADY_SECONDS, Life, wait_before_start


def test_a_part_that_dies_again_and_again_is_started_ever_more_seldom_but_never_given_up() -> None:
    assert [wait_before_start(deaths) for deaths in (1, 2, 3, 7, 1000)] == [1, 2, 4, 60, 60]


def test_a_part_that_lived_for_a_minute_begins_anew() -> None:
    life = Life()
    life.start(now=0.0)
    for at in (1.0, 2.0, 3.0):
        life.die(now=at)
        life.start(now=at)

    assert life.die(now=3.0 + STEADY_SECONDS) == 1.0
    assert (life.deaths, life.in_a_row) == (4, 1)


def test_a_dead_part_is_due_after_its_wait_and_a_living_one_never() -> None:
    life = Life()
    life.start(now=0.0)
    assert not life.is_due(now=100.0)

    life.die(now=100.0)

    assert not life.is_due(now=100.9)
    assert life.is_due(now=101.0)
