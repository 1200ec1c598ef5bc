"""What ended in a sweep since somebody last looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.news import FinishedRun, LostAttempt, News
from shared.control.retry import retry_failed
from shared.domain.run import Failure, claim, fail, lose_attempt
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


@pytest.fixture(autouse=True)
def two_runs(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    """Put sweep `s` with two runs into the store, both claimed."""
    config = {"runs_dir": "/nowhere", "wandb": {"mode": "off"}}
    sweep = store.sweeps.create(a_sweep(config=config, limits={"max_runs": 2}))
    store.sweeps.commit(sweep, sweep.move("", created=2), [a_run(number=1), a_run(number=2)])
    for run in ("s.r.1", "s.r.2"):
        start(store, run)


def start(store: Store, run: str) -> None:
    queued = store.runs.get(run)
    store.runs.claim(queued, claim(queued, worker="w", nonce="n", at=0.0), lease_ms=60_000)


def fail_it(store: Store, run: str) -> None:
    held = store.runs.get(run)
    store.runs.commit(held, fail(held, Failure(kind="user code", message="boom"), cost=1.0))


def test_each_end_is_news_once_with_the_number_of_runs_that_are_over(store: Store) -> None:
    news = News(store, "s")
    assert list(news.read()) == []

    fail_it(store, "s.r.2")
    fail_it(store, "s.r.1")

    assert list(news.read()) == [FinishedRun(store.runs.get("s.r.2"), 1), FinishedRun(store.runs.get("s.r.1"), 2)]
    assert list(news.read()) == []


def test_a_run_that_is_tried_again_is_not_over_any_more(store: Store) -> None:
    news = News(store, "s")
    fail_it(store, "s.r.1")
    retry_failed(store, "s")
    start(store, "s.r.1")
    fail_it(store, "s.r.1")

    assert [item.over for item in news.read() if isinstance(item, FinishedRun)] == [1, 1]


def test_an_attempt_whose_worker_died_is_news(store: Store) -> None:
    held = store.runs.get("s.r.1")
    store.runs.commit(held, lose_attempt(held, "its worker died", max_stuck=3))

    assert list(News(store, "s").read()) == [LostAttempt("s.r.1", "its worker died")]
