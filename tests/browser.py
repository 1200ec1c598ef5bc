"""A headless Chromium, and what it says about a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
Scheme = Literal["light", "dark"]
PHONE, DESKTOP = 390, 1280
MILLISECONDS = 60_000


@dataclass
class Visit:
    """An open page, the errors of its console, and every address that it asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def widths(self) -> tuple[int, int]:
        """Return how wide the page is and how wide its window."""
        found = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        return int(found[0]), int(found[1])


@pytest.fixture(scope="module")  # while it is open, nothing else in this process may run an event loop
def browser() -> Iterator[Browser]:
    """Yield a browser. Without one on this machine the test is skipped; in CI it fails."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        why = f"no browser: none of {', '.join(NAMES)} is on the PATH (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield launched
        launched.close()


@contextmanager
def visit(browser: Browser, url: str, *, width: int = DESKTOP, scheme: Scheme = "light") -> Iterator[Visit]:
    """Open `url` in a window `width` pixels wide that prefers a colour scheme."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    opened = Visit(page)

    def note(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            opened.requests.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.on("console", lambda said: opened.errors.append(said.text) if said.type in ("error", "warning") else None)
    page.goto(url)
    try:
        yield opened
    finally:
        context.close()
