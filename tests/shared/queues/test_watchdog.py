"""A worker at which no message arrives any more ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.queues.watchdog import NO_MESSAGES, Watchdog
from shared.store.store import Store

PROGRAM = """
import os
from shared.queues.app import make_app
from shared.queues.lifecycle import Lifecycle
from shared.queues.watchdog import watch_queues
from shared.store.store import open_store

app = make_app("trainer", os.environ["REDIS_URL"], queues=["gpu"], slots=1)
lifecycle, store = Lifecycle(app), open_store(os.environ["REDIS_URL"])
watch_queues(lifecycle, lambda: store.runs.messages("eval"), slots=1, seconds=0.4)
lifecycle.at_end(lambda: print("gave back", flush=True))
app.worker_main(["worker", "-Q", "gpu", "--loglevel", "ERROR"])
"""


def test_a_worker_that_gets_none_of_the_waiting_messages_for_too_long_is_found() -> None:
    watchdog = Watchdog(10.0, now=0.0)

    looks = [watchdog.gets_no_messages(waiting=1, has_room=True, now=now) for now in (5.0, 10.0, 10.1)]

    assert looks == [False, False, True]


@pytest.mark.parametrize(("waiting", "has_room"), [(0, True), (3, False), (0, False)])
def test_a_worker_without_waiting_messages_or_without_room_is_not_found(waiting: int, has_room: bool) -> None:
    watchdog = Watchdog(10.0, now=0.0)

    assert not any(watchdog.gets_no_messages(waiting=waiting, has_room=has_room, now=now) for now in range(0, 40, 5))
    assert not watchdog.gets_no_messages(waiting=1, has_room=True, now=40.0), "and the time starts again"


def test_time_in_which_the_machine_slept_does_not_count() -> None:
    watchdog = Watchdog(10.0, now=0.0)

    assert not watchdog.gets_no_messages(waiting=1, has_room=True, now=3600.0)
    assert not watchdog.gets_no_messages(waiting=1, has_room=True, now=3605.0)


def test_each_message_that_arrives_starts_the_time_again() -> None:
    watchdog = Watchdog(10.0, now=0.0)
    watchdog.note_message(8.0)

    looks = [watchdog.gets_no_messages(waiting=1, has_room=True, now=now) for now in (4.0, 9.0, 14.0, 18.0, 18.1)]

    assert looks == [False, False, False, False, True]


@pytest.mark.slow
def test_a_worker_that_gets_no_messages_ends_cleanly_with_its_own_exit_code(store: Store) -> None:
    # It watches a queue that it does not consume: to the watchdog that is what a lost consumer looks like.
    store.client.lpush("eval", "a message")

    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"REDIS_URL": store.url}, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == NO_MESSAGES
    assert ended.stdout.splitlines()[-1] == "gave back"
    assert "1 message(s) wait and Redis answers, but no message arrived here for 0.4 s; ending" in ended.stderr
