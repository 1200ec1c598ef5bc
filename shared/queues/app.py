"""The Celery application of a service, the same settings for all three."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from celery import Celery
from celery.signals import celeryd_init
from kombu.entity import Exchange, Queue

from shared.queues import names
from shared.queues.transport import use_this_transport

SOCKET_SECONDS = 5
NOTIFY_SECONDS = 1  # the caller has other work, and a lost notification is sent again
# No task is redelivered while it runs (acks are early), so this is only the time after which the prefetched messages of
# a dead worker are delivered again. The shortest value of all clients of a broker counts, so it is one constant.
VISIBILITY_SECONDS = 3600


def make_app(service: str, broker_url: str, *, queues: Sequence[str], slots: int) -> Celery:
    """Return the app of `service`. Its worker runs `slots` tasks at once; the first queue is the default one."""
    use_this_transport()
    app = Celery(f"services.{service}", broker=celery_url(broker_url), include=[f"services.{service}.tasks"])
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_create_missing_queues=False,
        task_queues=[Queue(name, Exchange(name), routing_key=name) for name in names.ALL_QUEUES],
        task_default_queue=queues[0],
        worker_pool="threads",
        worker_concurrency=slots,
        # Early acks, and no message reserved beyond the free slots: no run waits for a busy worker, and no running task
        # is delivered twice. The lease, not the broker, is responsible for recovery.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=0,
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_hijack_root_logger=True,
        worker_redirect_stdouts=False,
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(broker_url),
    )
    celeryd_init.connect(_name_the_worker, weak=False)
    return app


def celery_url(url: str) -> str:
    """Return the store's URL in kombu's form: `unix:///path?db=0` becomes `redis+socket:///path?virtual_host=0`."""
    if not url.startswith("unix:"):
        return url
    parts = urlsplit(url)
    database = parse_qs(parts.query).get("db", ["0"])[0]
    password = f":{parts.password}@" if parts.password else ""
    return f"redis+socket://{password}{parts.path}?virtual_host={database}"


def _transport_options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_timeout": SOCKET_SECONDS,
        "health_check_interval": SOCKET_SECONDS,
        "connect_retries_timeout": NOTIFY_SECONDS,
    }
    if not url.startswith("unix:"):
        options |= {"socket_connect_timeout": SOCKET_SECONDS, "socket_keepalive": True}
    return options


def _name_the_worker(instance: Any, **_: object) -> None:
    """Name a worker after its service: three `celery worker` commands on one host must not have the same name."""
    if instance.hostname.startswith("celery@"):
        service = instance.app.main.rpartition(".")[2]
        instance.hostname = instance.hostname.replace("celery@", f"{service}@", 1)


def served_queues(app: Celery) -> tuple[str, ...]:
    """Return the queues that this process consumes (`-Q`)."""
    return tuple(app.amqp.queues.consume_from)
