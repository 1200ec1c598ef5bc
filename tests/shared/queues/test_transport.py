"""What counts as a notification, and what Celery is never shown."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.run import RunState
from shared.queues.transport import fault_of_message, fault_of_notification
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, AWorker


@pytest.fixture
def message(store: Store, a_worker: AWorker, a_run: ARun) -> dict[str, Any]:
    """A real notification, as it lies in the queue."""
    a_worker("trainer", "gpu").notifications.notify(a_run(RunState.QUEUED))
    (text,) = store.client.lrange("gpu", 0, -1)
    return dict(json.loads(text))


def with_body(message: dict[str, Any], *parts: object) -> dict[str, Any]:
    return {**message, "body": base64.b64encode(json.dumps(parts).encode()).decode()}


def with_headers(message: dict[str, Any], **headers: object) -> dict[str, Any]:
    return {**message, "headers": {**message["headers"], **headers}}


@pytest.mark.parametrize(
    "state", [RunState.QUEUED, RunState.TRAINED, RunState.OBSERVED, RunState.FAILED, RunState.CANCELLED]
)
def test_every_notification_that_we_send_is_one(store: Store, a_worker: AWorker, a_run: ARun, state: RunState) -> None:
    notifications = a_worker("trainer", "gpu").notifications
    notifications.notify(a_run(state))
    notifications.notify_sweep("s" * 100)

    sent = [json.loads(text) for queue in ("gpu", "eval", "results", "suggest") for text in _waiting(store, queue)]

    assert len(sent) == 2
    assert [fault_of_message(one) or fault_of_notification(one) for one in sent] == [None, None]


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ([], "it is not a mapping"),
        ({}, "its properties are missing"),
        ({"properties": {"delivery_tag": 7}}, "its properties are missing"),
        ({"properties": {"delivery_tag": "a"}, "headers": None, "body": ""}, "its headers or its body are missing"),
        ({"properties": {"delivery_tag": "a"}, "headers": {}, "body": ""}, "it has no destination"),
        (
            {"properties": {"delivery_tag": "a", "delivery_info": {}}, "headers": {}, "body": "x"},
            "its body is not base64",
        ),
    ],
)
def test_what_kombu_could_not_read_is_no_message(wrong: object, fault: str) -> None:
    assert fault_of_message(wrong) == fault


def test_a_notification_names_one_task_of_ours_and_one_id_and_nothing_else(message: dict[str, Any]) -> None:
    faults = {
        fault_of_notification(wrong)
        for wrong in (
            with_headers(message, task="os.system"),
            with_headers(message, id=None),
            with_headers(message, eta="2999-01-01T00:00:00"),
            with_headers(message, compression="application/x-gzip"),
            {**message, "content-type": "application/x-python-serialize"},
            {**message, "body": "A" * 4100},
            {**message, "body": base64.b64encode(b"\xff").decode()},
            {**message, "body": base64.b64encode(b"[" * 2000).decode()},
            with_body(message, ["s.r.1", "s.r.2"], {}, {}),
            with_body(message, "s.r.1", {}, {}),
            with_body(message, ["s.r.1"], {"x": 1}, {}),
            with_body(message, ["s.r.1"], {}, {"chain": [{"task": "os.system"}]}),
            with_body(message, ["../../x"], {}, {}),
            with_body(message, [{"a": 1}], {}, {}),
            with_body(message, ["s" * 300 + ".r.1"], {}, {}),
        )
    }

    assert fault_of_notification(message) is None
    assert faults == {
        "its task is unknown here",
        "it has a time of delivery",
        "its content is not plain JSON",
        "its body has 4100 characters, expected at most 4096",
        "its content is not one argument",
        "it asks for more than a task with one argument",
        "its argument is not the id of a run",
        "its argument is not an id",
    }


def _waiting(store: Store, queue: str) -> list[str]:
    return [str(text) for text in store.client.lrange(queue, 0, -1)]
