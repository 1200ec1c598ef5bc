"""Kombu's Redis transport, for queues that anybody with the password can write to: what is no message is dropped.

Celery's worker ends on bytes that it cannot read, and a message that it took before it failed goes back to the queue
for the next worker to end on. A dropped notification is harmless: a run that is due is notified about again.
"""

from __future__ import annotations

import base64
import itertools
import json
import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

from shared.domain.run import sweep_of
from shared.queues import names

log = logging.getLogger(__name__)
RUN_TASKS = (names.TRAIN_RUN, names.EVALUATE_RUN, names.OBSERVE_RUN)
LONGEST_BODY = 4096  # characters; ours have about 150
LONGEST_ARGUMENT = 200


class NotificationChannel(redis.Channel):
    """Reads messages off the queues, and drops what is not even JSON."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (ValueError, RecursionError) as error:
            _note_dropped("one of its queues", f"it is no JSON ({type(error).__name__})")
            return True

    def _receive_one(self, connection: Any) -> Any:
        try:
            return super()._receive_one(connection)  # type: ignore[no-untyped-call]
        except RecursionError:
            _note_dropped("one of Celery's own channels", "it is nested too deep")
            return None


class Transport(redis.Transport):
    """Delivers the messages that a worker can survive."""

    Channel = NotificationChannel

    def _deliver(self, message: Any, queue: str) -> None:
        fault = fault_of_message(message)
        if not fault and queue in names.ALL_QUEUES:
            fault = fault_of_notification(message)
        try:
            if not fault:
                super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        except Exception as error:  # of Celery's own events and commands, which it takes as they come
            if queue in names.ALL_QUEUES or isinstance(error, (*self.connection_errors, *self.channel_errors)):
                raise
            fault = type(error).__name__
        if fault:
            _note_dropped(queue, fault)


def use_this_transport() -> None:
    """Let every URL of a Redis mean this transport, in this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"


def fault_of_message(message: Any) -> str | None:
    """Say why this is no message of kombu's at all; None if it is one."""
    if not isinstance(message, dict):
        return "it is no mapping"
    properties, body = message.get("properties"), message.get("body")
    if not isinstance(properties, dict) or not isinstance(properties.get("delivery_tag"), str):
        return "its properties are missing"
    if not isinstance(message.get("headers"), dict) or not isinstance(body, str):
        return "its headers or its body are missing"
    if not isinstance(properties.get("delivery_info"), dict):
        return "it has no place to be delivered to"
    if properties.get("body_encoding") != "base64" or _decoded(body) is None:
        return "its body is not in base64"
    return None


def fault_of_notification(message: dict[str, Any]) -> str | None:
    """Say why a message of kombu's is no notification of ours (one task, one id, nothing else); None if it is one."""
    headers = message["headers"]
    if len(message["body"]) > LONGEST_BODY:
        return f"its body has {len(message['body'])} characters, expected at most {LONGEST_BODY}"
    kind = (message.get("content-type"), message.get("content-encoding"), headers.get("compression"))
    if kind != ("application/json", "utf-8", None):
        return "its content is no plain JSON"
    if headers.get("task") not in (*RUN_TASKS, names.ADVANCE_SWEEP) or not isinstance(headers.get("id"), str):
        return "its task is unknown here"
    if any(headers.get(name) for name in ("eta", "expires", "stamps", "replaced_task_nesting")):
        return "it is to be delivered at another time"
    try:
        arguments, keywords, then = json.loads(_decoded(message["body"]) or b"")
        (argument,) = arguments
    except (ValueError, TypeError, RecursionError):
        return "its content is not one argument"
    if keywords or not isinstance(then, dict) or any(then.values()):
        return "it asks for more than a task with one argument"
    return _fault_of_argument(headers["task"], argument)


def _fault_of_argument(task: str, argument: object) -> str | None:
    if not isinstance(argument, str) or not 0 < len(argument) <= LONGEST_ARGUMENT:
        return "its argument is no id"
    if task in RUN_TASKS:
        try:
            sweep_of(argument)
        except ValueError:
            return "its argument is no run's id"
    return None


def _decoded(body: str) -> bytes | None:
    try:
        return base64.b64decode(body)
    except ValueError:
        return None


_numbers = itertools.count(1)


def _note_dropped(queue: str, fault: str) -> None:
    # Nothing of the message is repeated: it may hold anything, of any length.
    log.warning("dropped a message from %s: %s (the %d. since the start)", queue, fault, next(_numbers))
