"""The full-screen view of a sweep: a table of its runs, its workers, and one run in detail."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static, TabbedContent, TabPane

from shared.control.watching import Focus, Picture, Watch
from shared.domain.errors import SweepError
from shared.domain.run import Run
from sweepctl import formats
from sweepctl.views.run import details_view
from sweepctl.views.watch_parts import (
    Order,
    arranged,
    columns,
    head,
    head_of,
    shown_runs,
    waiting,
    workers_of,
)
from sweepctl.views.watch_table import RunsTable

LOOK_SECONDS = 1.0
HISTORY_SECONDS = 0.05  # between two looks while the history is not read yet
PARTS = "#head, #shown, #columns, #runs, #workers, #workers-text"


class Looked(Message):
    """The sweep as it is now."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture


class Missed(Message):
    """The store did not answer."""

    def __init__(self, reason: SweepError) -> None:
        super().__init__()
        self.reason = reason


class Looker(threading.Thread):
    """Reads the sweep again and again, in a thread: a store that hangs does not block the keys."""

    def __init__(self, app: WatchApp, watch: Watch) -> None:
        super().__init__(name="looker", daemon=True)
        self._app, self._watch = app, watch
        self._wake, self._ended = threading.Event(), threading.Event()

    def run(self) -> None:
        """Read until `end` is called."""
        while not self._ended.is_set():
            wait = LOOK_SECONDS
            try:
                picture = self._watch.look(curves_of=self._app.on_screen, focus=self._app.focus_on)
                wait = LOOK_SECONDS if picture.is_whole else HISTORY_SECONDS
                self._app.post_message(Looked(picture))
            except SweepError as reason:
                self._app.post_message(Missed(reason))
            self._wake.wait(wait)
            self._wake.clear()
        self._watch.close()

    def look_now(self) -> None:
        """Read at once."""
        self._wake.set()

    def end(self) -> None:
        """End the thread; a read that hangs ends with the process."""
        self._ended.set()
        self._wake.set()
        self.join(timeout=0.5)


class RunScreen(Screen[None]):
    """One run: what `show` prints of it, and its log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,b", "app.close_run", "Back"),
        Binding("d", "tab('details')", "Details"),
        Binding("l", "tab('log')", "Log"),
        Binding("left_square_bracket", "app.neighbour(-1)", "Previous"),
        Binding("right_square_bracket", "app.neighbour(1)", "Next"),
        Binding("q", "app.quit", "Leave"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Any, ...] = ()

    def compose(self) -> ComposeResult:
        """Build the screen."""
        yield Static("", id="outage")
        with TabbedContent(id="tabs"):
            with TabPane("Details", id="details"), VerticalScroll(id="details-scroll"):
                yield Static("reading ...", id="details-text")
            with TabPane("Log", id="log"), VerticalScroll(id="log-scroll"):
                yield Static("", id="log-text")
        yield Footer()

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one("#details-scroll").focus()

    def action_tab(self, name: str) -> None:
        """Show the details or the log."""
        self.query_one(TabbedContent).active = name
        self.query_one(f"#{name}-scroll").focus()

    def show(self, focus: Focus | None) -> None:
        """Show a run; a log that is scrolled to its end stays there."""
        if focus is None or not self.is_mounted:
            return
        if self._shown[:1] != (focus.details,):
            self.query_one("#details-text", Static).update(details_view(focus.details))
        if self._shown[1:] != (focus.log_file, focus.log):
            scroll = self.query_one("#log-scroll", VerticalScroll)
            is_at_end = scroll.scroll_offset.y >= scroll.max_scroll_y - 1
            name = Text(f"{focus.log_file}\n", style="dim", overflow="fold")
            self.query_one("#log-text", Static).update(name + Text.from_ansi(focus.log, overflow="fold"))
            if is_at_end:
                self.call_after_refresh(scroll.scroll_end, animate=False)
        self._shown = (focus.details, focus.log_file, focus.log)


class WatchApp(App[None]):
    """The view of one sweep."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: $background; }
    #head { padding: 0 1; height: auto; }
    #outage { padding: 0 1; height: auto; background: $error; color: $text; display: none; }
    #shown { padding: 0 1; height: 2; border-top: solid $surface; }
    #columns { padding: 0 1; height: 1; }
    #runs { padding: 0 1; height: 1fr; min-height: 3; overflow-x: hidden; scrollbar-size-vertical: 1; }
    #workers { padding: 0 1; height: auto; max-height: 30%; border-top: solid $surface; border-title-color: $text-muted;
               scrollbar-size-vertical: 1; }
    #workers-text { height: auto; }
    #details-scroll, #log-scroll { padding: 0 1; }
    TabPane { padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", "Leave"),
    ]

    def __init__(self, watch: Watch, picture: Picture) -> None:
        super().__init__()
        self.picture = picture
        self.order = Order()
        self.on_screen: list[int] = []
        self.focus_on: int | None = None
        self._looker = Looker(self, watch)
        self._lost_at: float | None = None
        self._reason = ""

    def compose(self) -> ComposeResult:
        """Build the main screen."""
        yield Static("", id="outage")
        yield Static("", id="head")
        yield Static("", id="shown")
        yield Static("", id="columns")
        yield RunsTable()
        with VerticalScroll(id="workers", can_focus=False):
            yield Static("", id="workers-text")
        yield Footer()

    def on_mount(self) -> None:
        """Start to read."""
        self.query_one(RunsTable).focus()
        self._looker.start()
        self.set_interval(1.0, self._show_outage)

    def on_unmount(self) -> None:
        """End the reading."""
        self._looker.end()

    def on_resize(self) -> None:
        """Fit the new width."""
        self.call_after_refresh(self._draw)

    def on_looked(self, message: Looked) -> None:
        """Show what is new."""
        self.picture, self._lost_at = message.picture, None
        self._draw()
        if self.screen_stack and isinstance(self.screen, RunScreen):
            self.screen.show(message.picture.focus)

    def on_missed(self, message: Missed) -> None:
        """Show that the store does not answer."""
        self._lost_at = self._lost_at or time.time()
        self._reason = str(message.reason)
        self._show_outage()

    def on_runs_table_scrolled(self) -> None:
        """Fetch the curves of the runs that came onto the screen."""
        table = self._main.query_one(RunsTable)
        self.on_screen = table.visible_runs
        if any(number not in self.picture.curves for number in self.on_screen):
            self._looker.look_now()

    def on_runs_table_opened(self) -> None:
        """Open the run that was clicked."""
        self.action_open()

    def action_sort(self, key: str) -> None:
        """Sort by another column, or the other way round."""
        self.order = self.order.sorted_by(key)
        self._draw(keep=False)

    def action_filter(self) -> None:
        """Show runs in other states."""
        self.order = self.order.next_filter()
        self._draw(keep=False)

    def action_open(self) -> None:
        """Show one run."""
        run = self._main.query_one(RunsTable).selected
        if run is None or isinstance(self.screen, RunScreen):
            return
        self._focus(run)
        self.push_screen(RunScreen())

    def action_close_run(self) -> None:
        """Go back to the table."""
        self.pop_screen()
        self._focus(None)

    def action_neighbour(self, by: int) -> None:
        """Show the run above or below in the table."""
        table = self._main.query_one(RunsTable)
        table.action_move(by)
        self._focus(table.selected)

    def _focus(self, run: Run | None) -> None:
        self.focus_on = run.number if run else None
        self._looker.look_now()

    @property
    def _main(self) -> Screen[Any]:
        return self.screen_stack[0]

    def _draw(self, *, keep: bool = True) -> None:
        if not self.screen_stack or len(self._main.query(PARTS)) < PARTS.count("#"):  # on its way up or down
            return
        main, shot = self._main, self.picture.shot
        table = main.query_one(RunsTable)
        width = max(self.size.width - 2, 10)
        rows = arranged(self.picture.runs, self.order, goal=shot.sweep.goal)
        names = formats.short_names(formats.all_paths(run.params for run in self.picture.runs[-100:]))
        leading = shot.sweep.leading.runs if shot.sweep.leading else ()
        metric = shot.sweep.metric
        shown = columns(width - 1, names, metric=metric, leading=leading)
        main.query_one("#head", Static).update(head(self.picture, width))
        main.query_one("#columns", Static).update(head_of(shown))
        main.query_one("#shown", Static).update(shown_runs(self.order, len(rows), shot))
        main.query_one("#workers-text", Static).update(workers_of(shot.workers, shot.sweep.name))
        main.query_one("#workers").border_title = waiting(self.picture.queues)
        table.show(rows, self.picture.curves, shown, keep=keep)
        self.on_screen = table.visible_runs
        self._show_outage()

    def _show_outage(self) -> None:
        for screen in self.screen_stack:
            for banner in screen.query("#outage").results(Static):
                banner.display = self._lost_at is not None
                if self._lost_at is not None:
                    since = formats.duration(time.time() - self._lost_at)
                    at = time.strftime("%H:%M:%S", time.localtime(self.picture.looked_at))
                    banner.update(Text(f"no answer for {since}; this is from {at}; retrying. {self._reason}"))


def watch_full_screen(watch: Watch, picture: Picture) -> None:
    """Show the sweep until the user leaves."""
    WatchApp(watch, picture).run()
