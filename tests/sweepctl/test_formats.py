"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from sweepctl import formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.04, "0.0 s"), (9.94, "9.9 s"), (42, "42 s"), (200, "3 min 20 s"), (18_600, "5 h 10 min")],
)
def test_a_duration_has_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(("steps", "text"), [(0, "0"), (999, "999"), (12_340, "12.3k"), (4_500_000, "4.5M")])
def test_steps_are_short(steps: int, text: str) -> None:
    assert formats.steps(steps) == text


def test_a_sparkline_goes_from_the_first_to_the_last_value() -> None:
    assert formats.sparkline([0, 1]) == "▁█"
    assert formats.sparkline(list(range(100)), width=8) == "▁▂▃▄▅▆▇█"
    assert formats.sparkline([5, 5, 5]) == "▁▁▁"
    assert formats.sparkline([]) == ""


def test_names_are_shortened_as_long_as_they_stay_different() -> None:
    names = formats.short_names(["trainer.optimizer.beta1", "trainer.a.size", "trainer.b.size"])

    assert list(names.values()) == ["beta1", "a.size", "b.size"]


def test_a_cost_in_seconds_is_a_duration_and_any_other_a_number() -> None:
    assert formats.cost(90, "seconds") == "1 min 30 s"
    assert formats.cost(90.0, "steps") == "90"
