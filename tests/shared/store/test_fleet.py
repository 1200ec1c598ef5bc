"""The register of workers, on a real server and on fakeredis."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from shared.domain.errors import StoreReplaced
from shared.store import keys
from shared.store.fleet import LiveWorker
from shared.store.store import Store, open_store


def a_worker(name: str, **changes: Any) -> LiveWorker:
    usual = {"service": "trainer", "host": "h", "pid": 1, "queues": ("gpu",), "slots": 2, "version": "1"}
    return LiveWorker(id=name, **{**usual, **changes})


def test_a_worker_that_announces_itself_is_live_with_what_it_said_last(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("one"))
    each_store.fleet.announce(a_worker("one", busy=("s.r.1",)))

    assert each_store.fleet.live() == [a_worker("one", busy=("s.r.1",))]


def test_slots_are_counted_for_the_queues_that_they_serve(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("one", slots=2))
    each_store.fleet.announce(a_worker("two", slots=3, queues=("gpu", "cpu")))
    each_store.fleet.announce(a_worker("three", slots=8, queues=("eval",)))

    assert [each_store.fleet.live_slots(queue) for queue in ("gpu", "cpu", "eval", "other")] == [5, 3, 8, 0]


def test_a_silent_worker_is_not_live_until_it_speaks_again(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("one"))
    time.sleep(0.03)
    each_store.fleet.announce(a_worker("two"))

    assert [worker.id for worker in each_store.fleet.live(silent_seconds=0.02)] == ["two"]
    each_store.fleet.announce(a_worker("one"))
    assert {worker.id for worker in each_store.fleet.live(silent_seconds=0.02)} >= {"one"}


def test_a_worker_that_signs_off_is_gone_at_once(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("one"))

    each_store.fleet.sign_off("one")
    each_store.fleet.sign_off("never there")

    assert each_store.fleet.live() == []
    assert each_store.client.keys() == [keys.STORE_ID]


def test_a_store_keeps_the_id_that_its_first_worker_gave_it(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("one"))
    given = each_store.client.get(keys.STORE_ID)

    open_store(each_store.url, client=each_store.client).fleet.announce(a_worker("two"))
    each_store.fleet.announce(a_worker("one"))

    assert given
    assert each_store.client.get(keys.STORE_ID) == given


@pytest.mark.parametrize("other", ["", "another"])
def test_a_worker_whose_store_was_emptied_or_replaced_gets_an_error_and_writes_nothing(
    each_store: Store, other: str
) -> None:
    each_store.fleet.announce(a_worker("one"))
    each_store.client.flushall()
    if other:
        each_store.client.set(keys.STORE_ID, other)
    before = each_store.client.keys()

    refused = pytest.raises(StoreReplaced, match="was replaced while" if other else "was emptied while")
    with refused:
        each_store.fleet.announce(a_worker("one"))
    with refused:
        each_store.fleet.sign_off("one")

    assert each_store.client.keys() == before


def test_a_worker_that_was_silent_for_an_hour_is_forgotten(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("old"))
    each_store.client.zadd(keys.WORKERS_SEEN, {"old": (each_store.sweeps.now() - 3601) * 1000})

    each_store.fleet.announce(a_worker("new"))

    assert each_store.client.hkeys(keys.WORKERS) == ["new"]
    assert each_store.client.zrange(keys.WORKERS_SEEN, 0, -1) == ["new"]


def test_a_newer_worker_may_tell_more_than_this_version_knows(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("newer", slots=4))
    refusals = {"s": {"kind": "a newer kind", "reason": "no", "since": 3}}
    written = {**a_worker("newer", slots=4).model_dump(mode="json"), "mood": "fine", "refusals": refusals}
    each_store.client.hset(keys.WORKERS, "newer", json.dumps(written))

    assert each_store.fleet.live_slots("gpu") == 4
    assert str(each_store.fleet.live()[0].refusals["s"]) == "no"


def test_an_older_worker_that_announces_no_refusals_has_none(each_store: Store) -> None:
    each_store.fleet.announce(a_worker("older"))
    written = a_worker("older").model_dump(mode="json", exclude={"refusals"})
    each_store.client.hset(keys.WORKERS, "older", json.dumps(written))

    assert each_store.fleet.live()[0].refusals == {}
