"""`sweepctl --help`: every command in a panel, with its whole summary on one line."""

from __future__ import annotations

import re

import pytest

from sweepctl.main import app
from sweepctl.panels import PANELS, panel_of, summary_of
from sweepctl.reference import commands
from tests.sweepctl.conftest import Sweepctl

LONGEST_EXAMPLE = 76  # it is copied from a terminal of 80 columns


@pytest.mark.parametrize("width", ["80", "100"])
def test_each_command_is_one_line_with_its_whole_summary(sweepctl: Sweepctl, width: str) -> None:
    lines = sweepctl("--help", COLUMNS=width).stdout.splitlines()

    written = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines if re.match(r"  [a-z]+ ", line)}
    for name, command in commands().items():
        assert written[name] == summary_of(command)


def test_the_panels_come_in_the_order_in_which_a_sweep_needs_them(sweepctl: Sweepctl) -> None:
    headings = [line for line in sweepctl("--help").stdout.splitlines() if re.fullmatch(r"[A-Z][a-z-]+:", line)]

    assert headings == ["Options:", "Start:", "Look:", "Act:", "After:", "Fleet:", "Set-up:"]
    assert {panel_of(command) for command in commands().values()} == set(PANELS)


def test_no_command_is_registered_twice_or_without_a_panel() -> None:
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]

    assert len(names) == len(set(names)) == len(commands())


@pytest.mark.parametrize("name", commands())
def test_a_summary_is_an_imperative_and_an_example_fits_a_line(name: str) -> None:
    text = commands()[name].help
    examples = [line.strip() for line in text.splitlines() if line.strip().startswith("Example: ")]

    assert summary_of(commands()[name]).endswith(".")
    assert not summary_of(commands()[name]).split()[0].endswith("s")
    assert all(len(example) <= LONGEST_EXAMPLE for example in examples)
