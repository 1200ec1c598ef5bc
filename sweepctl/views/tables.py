"""Tables that keep their shape at every width: long cells give way, and no column becomes too narrow to read."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from sweepctl import formats

GAP: Final = 2
ALL_LINES: Final = 1000
NARROWEST: Final = 4  # of any column, where not even the least widths have room


@dataclass(frozen=True)
class TableColumn:
    """A column with its cells, one for each row of the table.

    `least` is the width that it keeps when the table is too wide (characters); None: it is never cut, so that what it
    shows can be copied. A cell that is too long takes up to `lines` lines and loses its end; if `lines` is 1 it loses
    its middle. A title may take two lines.
    An `optional` column is left out when there is no room for the least widths of all.
    """

    title: str
    cells: Sequence[str | Text]
    least: int | None = None
    right: bool = False
    lines: int = 1
    optional: bool = False

    @property
    def natural(self) -> int:
        """The width at which nothing of it is cut."""
        return max(cell_len(self.title), *(cell_len(str(cell)) for cell in self.cells), 1)

    @property
    def smallest(self) -> int:
        """The width that it keeps in a table that is too wide."""
        return self.natural if self.least is None else min(self.natural, self.least)


def chosen(columns: Sequence[TableColumn], width: int) -> list[TableColumn]:
    """Return the columns that have room in `width`: of the optional ones the last are left out first."""
    kept = list(columns)
    while not has_room(kept, width):
        optional = [column for column in kept if column.optional]
        if not optional:
            break
        kept.remove(optional[-1])
    return kept


def has_room(columns: Sequence[TableColumn], width: int) -> bool:
    """Whether all of the columns have their least width in a table of `width`."""
    return _total([column.smallest for column in columns]) <= width


def fitted(columns: Sequence[TableColumn], width: int) -> list[int]:
    """Return the widths of the columns in a table of `width`: the widest give way first, down to their least width."""
    for least in ([column.smallest for column in columns], [NARROWEST] * len(columns)):
        for most in range(max(column.natural for column in columns), 0, -1):
            widths = [min(column.natural, max(most, smallest)) for column, smallest in zip(columns, least, strict=True)]
            if _total(widths) <= width:
                return widths
    return [NARROWEST] * len(columns)


def fitted_table(columns: Sequence[TableColumn], width: int, *, styles: Sequence[str] = ()) -> Table:
    """Return a table of the columns, at most `width` wide. `styles` are those of the first rows."""
    widths = fitted(columns, width)
    table = Table(
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
        header_style="dim",
        show_header=any(column.title for column in columns),
    )
    for column, size in zip(columns, widths, strict=True):
        table.add_column(
            _title(column.title, size),
            width=size,
            justify="right" if column.right else "left",
            no_wrap=column.lines == 1,
            overflow="ellipsis" if column.lines == 1 else "fold",
        )
    for index in range(len(columns[0].cells)):
        row = [_cell(column, index, size) for column, size in zip(columns, widths, strict=True)]
        table.add_row(*row, style=styles[index] if index < len(styles) else None)
    return table


class Sized:
    """A view that depends on the width it is shown at."""

    def __init__(self, build: Callable[[int], RenderableType]) -> None:
        self._build = build

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the view for the width of the console."""
        yield self._build(options.max_width)


def _title(title: str, width: int) -> str:
    cut = formats.shortened(title, 2 * width)
    return cut if len(cut) <= width else f"{cut[:width]}\n{cut[width:]}"


def _cell(column: TableColumn, index: int, width: int) -> Text:
    cell = column.cells[index]
    text = cell if isinstance(cell, Text) else Text(cell)
    if text.cell_len <= width or column.lines == ALL_LINES:
        return text
    if column.lines == 1:
        return Text(formats.shortened(text.plain, width), style=text.style)
    lines = textwrap.wrap(text.plain, width, max_lines=column.lines, placeholder=" …")
    return Text("\n".join(lines), style=text.style)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)
