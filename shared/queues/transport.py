"""Kombu's Redis transport, which drops invalid messages: anybody with the password can write to the queues.

A message that Celery cannot read ends its worker. Then the message goes back to the queue, and ends the next worker. A
dropped notification is harmless: a due run is notified about again.
"""

from __future__ import annotations

import base64
import itertools
import json
import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES

from shared.domain.run import sweep_of
from shared.queues import names
from shared.queues.kombu_internals import OpenChannel, OpenTransport

log = logging.getLogger(__name__)
RUN_TASKS = (names.TRAIN_RUN, names.EVALUATE_RUN, names.OBSERVE_RUN)
LONGEST_BODY = 4096  # characters; ours have about 150
LONGEST_ARGUMENT = 200


class NotificationChannel(OpenChannel):
    """Reads messages from the queues, and drops what is not JSON."""

    def read_queue(self, **options: Any) -> Any:
        try:
            return super().read_queue(**options)
        except (ValueError, RecursionError) as error:
            _note_dropped("one of its queues", f"it is not JSON ({type(error).__name__})")
            return True

    def read_broadcast(self, connection: Any) -> Any:
        try:
            return super().read_broadcast(connection)
        except RecursionError:
            _note_dropped("one of Celery's own channels", "it is nested too deeply")
            return None


class Transport(OpenTransport):
    """Delivers only messages that do not end a worker."""

    Channel = NotificationChannel

    def deliver(self, message: Any, queue: str) -> None:
        fault = fault_of_message(message)
        if not fault and queue in names.ALL_QUEUES:
            fault = fault_of_notification(message)
        try:
            if not fault:
                super().deliver(message, queue)
        except Exception as error:  # Celery does not check its own events and commands
            if queue in names.ALL_QUEUES or isinstance(error, (*self.connection_errors, *self.channel_errors)):
                raise
            fault = type(error).__name__
        if fault:
            _note_dropped(queue, fault)


def use_this_transport() -> None:
    """Use this transport for all Redis URLs in this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"


def fault_of_message(message: Any) -> str | None:
    """Return why this is not a message of kombu's; None if it is one."""
    if not isinstance(message, dict):
        return "it is not a mapping"
    properties, body = message.get("properties"), message.get("body")
    if not isinstance(properties, dict) or not isinstance(properties.get("delivery_tag"), str):
        return "its properties are missing"
    if not isinstance(message.get("headers"), dict) or not isinstance(body, str):
        return "its headers or its body are missing"
    if not isinstance(properties.get("delivery_info"), dict):
        return "it has no destination"
    if properties.get("body_encoding") != "base64" or _decoded(body) is None:
        return "its body is not base64"
    return None


def fault_of_notification(message: dict[str, Any]) -> str | None:
    """Return why a message of kombu's is not a notification of ours (one task, one id); None if it is one."""
    headers = message["headers"]
    if len(message["body"]) > LONGEST_BODY:
        return f"its body has {len(message['body'])} characters, expected at most {LONGEST_BODY}"
    kind = (message.get("content-type"), message.get("content-encoding"), headers.get("compression"))
    if kind != ("application/json", "utf-8", None):
        return "its content is not plain JSON"
    if headers.get("task") not in (*RUN_TASKS, names.ADVANCE_SWEEP) or not isinstance(headers.get("id"), str):
        return "its task is unknown here"
    if any(headers.get(name) for name in ("eta", "expires", "stamps", "replaced_task_nesting")):
        return "it has a time of delivery"
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
        return "its argument is not an id"
    if task in RUN_TASKS:
        try:
            sweep_of(argument)
        except ValueError:
            return "its argument is not the id of a run"
    return None


def _decoded(body: str) -> bytes | None:
    try:
        return base64.b64decode(body)
    except ValueError:
        return None


_numbers = itertools.count(1)


def _note_dropped(queue: str, fault: str) -> None:
    # No part of the message is logged: it can contain anything, of any length.
    log.warning("dropped a message from %s: %s (%d dropped since the start)", queue, fault, next(_numbers))
