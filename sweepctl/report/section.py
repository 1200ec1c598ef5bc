"""The parts of a report before they become HTML: sections of sentences, charts and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sweepctl.report.drawing import Chart

WORDY = 40
"""Characters of a cell from which on the cells of a table wrap."""


@dataclass(frozen=True)
class TextTable:
    """Rows of text below a caption. The first column names the row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_open: bool = False  # whether it is shown before anybody clicks on its caption

    @property
    def is_wordy(self) -> bool:
        """Whether a cell is so long that it has to wrap."""
        return any(len(cell) > WORDY for row in self.rows for cell in row)


@dataclass(frozen=True)
class LegendEntry:
    """A line of a legend: a colour of the palette, such as `@run`, the shape of the mark, and its meaning."""

    color: str
    shape: Literal["dot", "diamond", "cross", "line", "bar"]
    meaning: str


@dataclass(frozen=True)
class Fact:
    """A value in large type."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page: its heading and its content. `key` is its anchor."""

    key: str
    title: str
    text: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    legend: Sequence[LegendEntry] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[TextTable] = ()
    code: str = ""  # a command to copy
