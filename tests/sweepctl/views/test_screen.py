"""The width of printed output: ids and paths are never cut, so that they can be copied."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from shared.control.results import ranked
from shared.domain.run import RunState
from sweepctl.views.results import best_table
from sweepctl.views.runs import runs_table
from sweepctl.views.screen import PIPE_WIDTH, screen

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

NAME = "clf-20261125-183141"


class Terminal(io.StringIO):
    """A terminal of whatever width the environment says."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


@pytest.fixture(autouse=True)
def no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_without_a_terminal_it_is_at_most_100_columns_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    assert screen().width == PIPE_WIDTH == 100


def test_a_width_that_somebody_chose_and_that_of_a_terminal_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "70")
    assert screen().width == 70

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert screen().width == 70


@pytest.mark.parametrize("width", [60, 80, 100])
def test_an_id_of_usual_length_is_whole_and_not_wrapped(a_run: ARun, a_sweep: ASweep, width: int) -> None:
    runs = [
        a_run(
            RunState.OBSERVED,
            number=number,
            sweep=NAME,
            id=f"{NAME}.r.{number}",
            params={f"trainer.{name}": 0.123456 * number for name in ("alpha", "beta", "gamma")},
        )
        for number in (1, 12)
    ]
    file = io.StringIO()
    console = Console(file=file, width=width)

    console.print(runs_table(runs, a_sweep(name=NAME)))
    if width > 60:  # narrower, the best configurations are columns
        console.print(best_table(ranked(runs, a_sweep(name=NAME))))

    assert file.getvalue().count(f"{NAME}.r.12 ") == (1 if width == 60 else 2)
