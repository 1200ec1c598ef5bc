"""The dashboard in a browser, and what it refuses."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from services.dashboard.server import make
from services.dashboard.storage import SweepStorage
from shared.domain.errors import ConfigError
from shared.store.store import Store
from tests.browser import DESKTOP, PHONE, Scheme, visit
from tests.finished_sweeps import a_sweep_of, some_runs

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture
def url(store: Store) -> Iterator[str]:
    """Serve a store with a sweep of 40 runs."""
    sweep = store.sweeps.create(a_sweep_of(40))
    store.sweeps.commit(sweep, sweep.move("", created=40), some_runs(sweep, 40))
    server = make(SweepStorage(store), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def asked(url: str, *, method: str = "GET", host: str | None = None) -> tuple[int, str]:
    headers = {"Host": host} if host else {}
    data = b"{}" if method in ("POST", "PUT") else None
    request = urllib.request.Request(url, method=method, headers=headers, data=data)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written_through_the_dashboard(url: str, method: str) -> None:
    status, said = asked(f"{url}/api/studies/0", method=method)

    assert (status, json.loads(said)["reason"]) == (403, "the dashboard is read-only: change sweeps with sweepctl")


def test_a_page_elsewhere_that_lets_its_name_point_here_gets_nothing(url: str) -> None:
    assert asked(f"{url}/api/studies", host="evil.example:8080")[0] == 421
    assert asked(f"{url}/api/studies", host="localhost:8080")[0] == 200


def test_a_port_that_is_in_use_is_one_line(url: str, store: Store) -> None:
    port = int(url.rpartition(":")[2])

    with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port} cannot be listened on: .*: choose another --port"):
        make(SweepStorage(store), host="127.0.0.1", port=port)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_dashboard_shows_the_sweep_its_runs_and_draws_its_charts(
    browser: Browser, url: str, width: int, scheme: Scheme
) -> None:
    with visit(browser, f"{url}/dashboard", width=width, scheme=scheme) as opened:
        page = opened.page
        page.get_by_text("0. s", exact=True).wait_for()
        page.goto(f"{url}/dashboard/studies/0")
        page.wait_for_function("document.querySelectorAll('.js-plotly-plot .point').length > 40")
        bright = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.goto(f"{url}/dashboard/studies/0/trials?numbers=7")
        page.get_by_text("s.r.7", exact=False).first.wait_for()

        assert opened.errors == []
        assert [request for request in opened.requests if not request.startswith(url)] == []
        assert (sum(map(int, bright[4:-1].split(","))) > 380) == (scheme == "light")
