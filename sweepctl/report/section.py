"""The parts of a report before they are HTML: sections of sentences, charts and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sweepctl.report.drawing import Chart


@dataclass(frozen=True)
class Table:
    """Rows of text below a caption; the first column names the row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_open: bool = False  # shown at once, not only when it is asked for


@dataclass(frozen=True)
class Mark:
    """A line of a legend: a colour of the palette, the form of the mark (dot, diamond, cross, line), what it means."""

    color: str
    form: str
    meaning: str


@dataclass(frozen=True)
class Fact:
    """A number that is worth a big letter."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One heading of the page and what stands below it."""

    key: str
    title: str
    text: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    legend: Sequence[Mark] = ()
    charts: Sequence[Chart] = field(default_factory=tuple)
    tables: Sequence[Table] = ()
    code: str = ""  # a command to copy
