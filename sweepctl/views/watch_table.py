"""The table of runs in the full-screen view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from shared.domain.progress import Progress
from shared.domain.run import Run
from sweepctl.views.watch_parts import Column, row_of

SELECTED = Style(bgcolor="grey30", bold=True)


class RunsTable(ScrollView, can_focus=True):
    """The runs, one line each; only the lines on the screen are drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "app.open", "Open"),
        Binding("n", "app.sort('number')", "Newest"),
        Binding("s", "app.sort('score')", "Score"),
        Binding("c", "app.sort('cost')", "Cost"),
        Binding("f", "app.filter", "Filter"),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "jump(0)", show=False),
        Binding("end,G", "jump(-1)", show=False),
    ]

    class Scrolled(Message):
        """Other runs are on the screen."""

    class Opened(Message):
        """The run that the cursor is on was clicked once more."""

    def __init__(self) -> None:
        super().__init__(id="runs")
        self.rows: Sequence[Run] = ()
        self.curves: dict[int, Progress] = {}
        self.shown: Sequence[Column] = ()
        self.cursor = 0

    @property
    def selected(self) -> Run | None:
        """The run that the cursor is on."""
        return self.rows[self.cursor] if self.rows else None

    @property
    def visible_runs(self) -> list[int]:
        """The numbers of the runs on the screen."""
        top = self.scroll_offset.y
        return [run.number for run in self.rows[top : top + max(self.size.height, 1)]]

    def show(self, rows: Sequence[Run], curves: dict[int, Progress], shown: Sequence[Column], *, keep: bool) -> None:
        """Show these rows; `keep` the cursor on its run, unless it is at the top."""
        run = self.selected if keep and self.cursor else None
        self.rows, self.curves, self.shown = rows, curves, shown
        self.virtual_size = Size(self.size.width, len(rows))
        at = {row.number: index for index, row in enumerate(rows)}.get(run.number) if run else None
        self._put_cursor(
            self.cursor if keep and at is None and run else at or 0, follow=at is None or at != self.cursor
        )
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        index = y + self.scroll_offset.y
        if index >= len(self.rows):
            return Strip.blank(self.size.width, self.rich_style)
        run = self.rows[index]
        text = row_of(run, self.curves.get(run.number), self.shown)
        style = self.rich_style + (SELECTED if index == self.cursor else Style())
        segments = [segment for segment in text.render(self.app.console) if isinstance(segment, Segment)]
        return Strip(segments).apply_style(style).adjust_cell_length(self.size.width, style)

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self._put_cursor(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screen."""
        self._put_cursor(self.cursor + by * max(self.size.height - 1, 1))

    def action_jump(self, to: int) -> None:
        """Move the cursor to the first run, or with -1 to the last."""
        self._put_cursor(len(self.rows) - 1 if to < 0 else to)

    def on_click(self, event: events.Click) -> None:
        """Select the run that is clicked; open it at the second click."""
        clicked = event.y + self.scroll_offset.y
        if clicked == self.cursor:
            self.post_message(self.Opened())
        self._put_cursor(clicked)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for the curves of the runs that came onto the screen."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled())

    def _put_cursor(self, index: int, *, follow: bool = True) -> None:
        self.cursor = min(max(index, 0), max(len(self.rows) - 1, 0))
        top, height = self.scroll_offset.y, max(self.size.height, 1)
        if follow and not top <= self.cursor < top + height:
            self.scroll_to(y=self.cursor if self.cursor < top else self.cursor - height + 1, animate=False)
        self.refresh()
