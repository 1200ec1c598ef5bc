"""Notifications that are lost, repeated, or have no queue: the records say which runs need a worker."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from shared.domain.events import RunClaimed
from tests.chaos.rig import stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
QUEUES = ("gpu", "eval", "results", "suggest")
Strike = Callable[["redis.Redis", random.Random], int]


def lose(client: redis.Redis, chance: random.Random) -> int:
    """Take a message as a consumer that dies does: it is in no list any more."""
    return client.brpop([chance.choice(QUEUES)], timeout=0.1) is not None


def repeat(client: redis.Redis, chance: random.Random) -> int:
    """Deliver each waiting message three times."""
    waiting = [message for queue in QUEUES for message in client.lrange(queue, 0, -1) if chance.random() < 0.5]
    for queue in QUEUES:
        for message in client.lrange(queue, 0, 0):
            client.lpush(queue, message, message)
    return len(waiting)


def delete_queues(client: redis.Redis, chance: random.Random) -> int:
    """Delete the queues and their bindings: kombu then drops messages without an error."""
    return client.delete(*QUEUES, *(f"_kombu.binding.{queue}" for queue in QUEUES))


@contextmanager
def striking(url: str, strike: Strike, *, most: int) -> Iterator[list[int]]:
    """Call `strike` in a thread until the block ends or `most` messages were hit."""
    hits: list[int] = []
    over = threading.Event()
    chance = random.Random(1)

    def work() -> None:
        with redis.Redis.from_url(url) as client:
            while not over.wait(0.01) and sum(hits) < most:
                hits.append(strike(client, chance))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield hits
    finally:
        over.set()
        thread.join()


def test_messages_that_are_lost_repeated_or_without_a_queue_change_nothing(tmp_path: Path) -> None:
    with stage(tmp_path, suggester=1, trainer=2, evaluator=1) as chaos:
        for strike in (lose, repeat, delete_queues):
            sweep = chaos.submit(f"sweep_run={strike.__name__}", "budget.max_runs=6", "parallelism=3", evaluated=True)
            with striking(chaos.server.url, strike, most=8) as hits:
                finished = chaos.wait_until_finished(sweep, seconds=60)

            assert sum(hits) >= 3, f"{strike.__name__} has struck"
            assert finished.observed == 6
            assert [run.attempt for run in chaos.fleet.runs(sweep)] == [1] * 6
            assert len(chaos.fleet.events(sweep, RunClaimed)) == 12, "each run once to train and once to evaluate"
            assert chaos.redone(sweep) == 0
            chaos.fleet.check(sweep)
