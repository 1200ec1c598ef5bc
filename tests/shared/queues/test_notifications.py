"""Notifications on a real server: who is woken, and that nobody is ever hurt."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.run import RunState
from shared.queues.app import celery_url, make_app
from shared.queues.notifications import SHORTEST_SILENCE, Notifications
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, AWorker


@pytest.fixture
def notifications(a_worker: AWorker) -> Notifications:
    """Real ones."""
    return a_worker("trainer", "gpu").notifications


def messages(store: Store, queue: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in store.client.lrange(queue, 0, -1)]


@pytest.mark.parametrize(
    ("state", "queue", "task"),
    [
        (RunState.QUEUED, "gpu", "trainer.train_run"),
        (RunState.TRAINED, "eval", "evaluator.evaluate_run"),
        (RunState.OBSERVED, "results", "suggester.observe_run"),
        (RunState.FAILED, "results", "suggester.observe_run"),
        (RunState.CANCELLED, "results", "suggester.observe_run"),
    ],
)
def test_each_state_wakes_the_next_service_with_the_id_of_the_run(
    store: Store, notifications: Notifications, a_run: ARun, state: RunState, queue: str, task: str
) -> None:
    notifications.notify(a_run(state))

    (message,) = messages(store, queue)
    assert message["headers"]["task"] == task
    assert message["headers"]["argsrepr"] == "['s.r.1']"
    assert message["content-type"] == "application/json"


@pytest.mark.parametrize("state", [RunState.TRAINING, RunState.EVALUATING])
def test_a_run_in_somebodys_hands_wakes_nobody(
    store: Store, notifications: Notifications, a_run: ARun, state: RunState
) -> None:
    notifications.notify(a_run(state))

    assert [store.runs.messages(queue) for queue in ("gpu", "cpu", "eval", "results", "suggest")] == [0] * 5


def test_a_sweep_wakes_the_suggester(store: Store, notifications: Notifications) -> None:
    notifications.notify_sweep("s")

    (message,) = messages(store, "suggest")
    assert message["headers"]["task"] == "suggester.advance_sweep"


def test_a_store_that_is_out_of_memory_hurts_nobody_who_notifies(
    store: Store, notifications: Notifications, a_run: ARun
) -> None:
    notifications.notify(a_run())
    store.client.config_set("maxmemory", "1")
    try:
        notifications.notify(a_run())
    finally:
        store.client.config_set("maxmemory", "0")

    time.sleep(SHORTEST_SILENCE)
    notifications.notify(a_run())
    assert store.runs.messages("gpu") == 2


def test_after_a_notification_that_failed_it_is_silent_for_a_while_and_longer_each_time(
    store: Store, notifications: Notifications, a_run: ARun, caplog: pytest.LogCaptureFixture
) -> None:
    store.client.config_set("maxmemory", "1")
    try:
        for _ in range(3):
            notifications.notify(a_run())
        time.sleep(SHORTEST_SILENCE)
        for _ in range(3):
            notifications.notify(a_run())
    finally:
        store.client.config_set("maxmemory", "0")

    said = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert said == [f"could not notify workers about s.r.1; retrying in {seconds} s" for seconds in ("0.5", "1")]


def test_a_store_that_is_away_hurts_nobody_who_notifies_and_does_not_keep_them(tmp_path: Path, a_run: ARun) -> None:
    app = make_app("trainer", f"unix://{tmp_path}/none.sock?db=0", queues=["gpu"], slots=1)
    begun = time.monotonic()

    Notifications(app).notify(a_run())

    assert time.monotonic() - begun < 4
    app.close()


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://:pw@host:6379/3", "redis://:pw@host:6379/3"),
        ("unix:///run/redis.sock?db=2", "redis+socket:///run/redis.sock?virtual_host=2"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("unix://:pw@/run/redis.sock?db=0", "redis+socket://:pw@/run/redis.sock?virtual_host=0"),
    ],
)
def test_the_broker_is_the_store_in_the_words_of_kombu(url: str, broker: str) -> None:
    assert celery_url(url) == broker
