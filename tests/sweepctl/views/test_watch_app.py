"""The full-screen view, with keys pressed, over a real store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static, TabbedContent

from shared.control.watching import Watch
from shared.domain.progress import Progress
from shared.domain.run import RunState, cancel, claim
from shared.domain.sweep import Best
from shared.store.store import Store, open_store
from sweepctl.views import watch_app
from sweepctl.views.watch_app import RunScreen, WatchApp
from sweepctl.views.watch_table import RunsTable

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, Gate

Steps = Callable[[WatchApp, Pilot[None]], Awaitable[None]]
OBSERVED = 30


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_app, "LOOK_SECONDS", 0.05)


@pytest.fixture
def sweep(store: Store, a_run: ARun, a_sweep: ASweep, tmp_path: Path) -> Path:
    """Make a sweep with runs that are over, one in training, and one that waits; return the folder of its runs."""
    config: dict[str, Any] = {
        "runs_dir": str(tmp_path),
        "cost": "seconds",
        "sweep": {"metric": "reward"},
        "sim": {"simulations": {}},
    }
    made = store.sweeps.create(a_sweep(config=config, best=Best(run=7, score=7.0, cost=1.0), limits={"max_runs": 50}))
    over = [
        a_run(RunState.OBSERVED, number=number, score=float(number % 8), cost=float(40 - number))
        for number in range(1, OBSERVED + 1)
    ]
    waiting = [a_run(number=OBSERVED + 1), a_run(number=OBSERVED + 2)]
    failed = a_run(RunState.FAILED, number=OBSERVED + 3)
    store.sweeps.commit(made, made.move("", created=OBSERVED + 3), [*over, *waiting, failed])
    run = store.runs.get(f"s.r.{OBSERVED + 1}")
    held = store.runs.claim(run, claim(run, worker="trainer@here:1", nonce="n", at=time.time()), lease_ms=60_000)
    curve = Progress(total_steps=100)
    for step in range(1, 20):
        curve = curve.after(step, {"reward": float(step)}, metric="reward")
    store.runs.renew(held, lease_ms=60_000, progress=curve)
    return tmp_path


def watched(store: Store, steps: Steps, *, size: tuple[int, int] = (80, 24), url: str | None = None) -> None:
    """Open the view, take the steps, and leave."""

    @contextmanager
    def open_it() -> Iterator[Store]:
        opened = open_store(url or store.url)
        yield opened
        opened.close()

    async def go() -> None:
        watch = Watch(open_it, "s")
        app = WatchApp(watch, watch.look())
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: bool(app.query_one(RunsTable).rows))
            await steps(app, pilot)
        assert app.return_code in (0, None)

    asyncio.run(go())


async def until(pilot: Pilot[None], claim: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "not in time"
        await pilot.pause(0.05)


def text_of(app: WatchApp, name: str) -> str:
    return str(app.screen.query_one(f"#{name}", Static).visual)


def line(app: WatchApp, at: int) -> str:
    return app.query_one(RunsTable).render_line(at).text


def test_it_shows_progress_best_runs_curves_and_keys_on_a_small_screen(store: Store, sweep: Path) -> None:
    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        head = text_of(app, "head")
        assert "31 of 50 runs" in head
        assert "best 7 by r.7" in head
        assert "33 runs, newest first" in text_of(app, "shown")
        assert line(app, 0).startswith("r.33      failed")
        assert "19/100" in line(app, 2)
        assert "▁" in line(app, 2)
        assert "█" in line(app, 2)
        keys = ["Open", "Newest", "Score", "Cost", "Filter", "Leave"]
        await until(pilot, lambda: [key.description for key in app.query("FooterKey")] == keys)  # type: ignore[attr-defined]

    watched(store, steps)


def test_keys_sort_filter_and_move(store: Store, sweep: Path) -> None:
    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        table = app.query_one(RunsTable)
        await pilot.press("s")
        assert [run.score for run in table.rows[:4]] == [7.0, 7.0, 7.0, 6.0]
        await pilot.press("c")
        assert [run.cost for run in table.rows[:2]] == [1.0, 10.0], "the failed one was the cheapest"
        await pilot.press("n", "n", "end")
        assert table.selected is not None
        assert table.selected.number == OBSERVED + 3
        assert OBSERVED + 3 in table.visible_runs, "the end is scrolled to"
        await pilot.press("home", "down", "down")
        assert table.selected.number == 3
        await pilot.press("f", "f", "f")
        assert [run.state for run in table.rows] == ["failed"]
        assert "1 failed runs" in text_of(app, "shown")

    watched(store, steps)


def test_the_cursor_stays_on_its_run_when_the_order_changes_under_it(store: Store, sweep: Path, a_run: ARun) -> None:
    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        table = app.query_one(RunsTable)
        await pilot.press("down", "down")
        assert table.selected is not None
        number = table.selected.number
        made = store.sweeps.get("s")
        store.sweeps.commit(made, made.move("", created=OBSERVED + 4), [a_run(number=OBSERVED + 4)])
        await until(pilot, lambda: len(table.rows) == OBSERVED + 4)
        assert table.selected.number == number

    watched(store, steps)


def test_what_happens_in_the_store_is_seen(store: Store, sweep: Path) -> None:
    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        waiting = store.runs.get(f"s.r.{OBSERVED + 2}")
        store.runs.commit(waiting, cancel(waiting))

        await until(pilot, lambda: "1 cancelled" in text_of(app, "shown"))
        assert line(app, 1).startswith("r.32      cancelled")

    watched(store, steps)


def test_enter_opens_a_run_with_its_parameters_attempts_and_log_and_escape_goes_back(store: Store, sweep: Path) -> None:
    log = sweep / f"s.r.{OBSERVED + 1}" / "logs" / "train.1.log"
    log.parent.mkdir(parents=True)
    log.write_text("\x1b[32mstep 1\x1b[0m\n")

    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: app.picture.focus is not None)
        assert app.picture.focus is not None
        assert app.picture.focus.details["run"] == "s.r.31"
        await pilot.pause(0.2)
        svg = app.export_screenshot()
        assert all(reported in svg for reported in ("s.r.31", "trainer.x", "claimed", "trainer@here:1"))
        await pilot.press("l")
        assert app.screen.query_one(TabbedContent).active == "log"
        await until(pilot, lambda: "step 1" in text_of(app, "log-text"))
        with log.open("a") as file:
            file.write("step 2\n")
        await until(pilot, lambda: "step 2" in text_of(app, "log-text"))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: app.picture.focus is not None and app.picture.focus.details["run"] == "s.r.30")
        await pilot.press("escape")
        assert not isinstance(app.screen, RunScreen)
        await until(pilot, lambda: app.picture.focus is None)

    watched(store, steps)


def test_an_outage_is_shown_beside_the_kept_content_and_the_screen_continues_afterwards(
    store: Store, gate: Gate, sweep: Path
) -> None:
    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        banner = app.query_one("#outage", Static)
        assert not banner.display
        gate.shut()
        await until(pilot, lambda: banner.display)
        assert "no answer for" in text_of(app, "outage")
        assert len(app.query_one(RunsTable).rows) == OBSERVED + 3
        await pilot.press("s")
        assert app.order.by == "score", "keys work"
        gate.open()
        await until(pilot, lambda: not banner.display)

    watched(store, steps, url=gate.url)


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
def test_another_size_shows_as_much_as_fits(store: Store, sweep: Path, size: tuple[int, int]) -> None:
    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.resize_terminal(*size)
        table = app.query_one(RunsTable)
        await until(pilot, lambda: ("x" in text_of(app, "columns").split()) == (size[0] > 100))
        assert table.size.height >= 3
        assert table.size.width <= size[0]

    watched(store, steps, size=(100, 30))


def test_leaving_changes_nothing(store: Store, sweep: Path) -> None:
    def all_of_it() -> list[Any]:
        return [
            store.sweeps.get("s"),
            store.runs.all("s"),
            store.sweeps.events("s"),
            store.client.zrange("leases", 0, -1),
        ]

    before = all_of_it()

    async def steps(app: WatchApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter", "escape", "s", "q")

    watched(store, steps)

    assert all_of_it() == before
