"""The site that `make docs` builds: every page is in it, and no page asks for anything from the internet."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import TimeoutError as NotFoundInTime

from tests.browser import DESKTOP, PHONE, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(\w+:)?//|<link\b[^>]*\bhref=["']?(\w+:)?//""")
pytestmark = pytest.mark.slow  # it builds the whole site

SHOWN = ("index", "architecture", "reference/configuration", "reference/errors", "how-to/sweep-a-command")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does: a warning fails the build."""
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(built)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    return built


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_page_of_the_docs_is_in_the_site_and_nothing_else_of_the_folder(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}

    assert pages == {page.relative_to(site) for page in site.rglob("*.html")} - {Path("404.html")}
    assert list(site.rglob("*.py")) == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    assert [str(page) for page in site.rglob("*.html") if LOADED.search(page.read_text())] == []
    assert [str(sheet) for sheet in site.rglob("*.css") if re.search(r"url\(['\"]?(\w+:)?//", sheet.read_text())] == []


def test_messages_are_shown_as_a_command_prints_them(site: Path) -> None:
    page = (site / "reference/errors.html").read_text()

    assert "expected &lt;sweep&gt;.r.&lt;number&gt;" in page
    assert "unknown placeholder {learning_rate}" in page


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_pages_fit_their_window_and_ask_no_other_address(browser: Browser, address: str, width: int) -> None:
    for name in SHOWN:
        with visit(browser, f"{address}/{name}.html", width=width) as seen:
            wide, window = seen.widths()
            assert wide <= window, name
            assert seen.errors == []
            assert [url for url in seen.requests if not url.startswith(address)] == []


def test_the_search_finds_a_page_without_a_network(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/index.html") as seen:
        found = None
        for _ in range(5):  # on a busy machine the page's script may start after the text was typed, or not at all
            seen.page.goto(f"{address}/index.html", wait_until="networkidle")
            seen.page.fill("input[name=query]", "heartbeat")
            with suppress(NotFoundInTime):
                found = seen.page.wait_for_selector(".md-search-result__item a", timeout=10_000)
                break

        assert found is not None
        assert found.get_attribute("href")
        assert [url for url in seen.requests if not url.startswith(address)] == []
