"""The contract of the sweeps' store, on a real server and on fakeredis."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import Conflict, NotFound, Stale, StoreUnreachable
from shared.domain.events import SweepSubmitted
from shared.domain.record_events import suggested
from shared.domain.run import cancel
from shared.domain.sweep import SweepState, pause
from shared.store import sweep_store
from shared.store.ledger import Change
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


def test_a_sweep_is_read_as_it_was_written(each_store: Store, a_sweep: ASweep) -> None:
    created = each_store.sweeps.create(a_sweep(config={"name": "Größe ✓", "x": [1, 2.5, None]}, memory={"n": 1e-300}))

    assert each_store.sweeps.get("s") == created
    assert each_store.sweeps.find("s") == created
    assert created.version == 1


def test_a_name_can_be_taken_once(each_store: Store, a_sweep: ASweep) -> None:
    first = each_store.sweeps.create(a_sweep(created_at=1.0))

    with pytest.raises(Conflict, match="sweep s already exists: choose another sweep_run, or resume it") as caught:
        each_store.sweeps.create(a_sweep(created_at=2.0))

    assert caught.value.exit_code == 6
    assert each_store.sweeps.get("s") == first


def test_a_sweep_that_does_not_exist_is_not_found_and_the_latest_are_named(each_store: Store, a_sweep: ASweep) -> None:
    with pytest.raises(NotFound, match="no sweep s in this store; the latest ones: none"):
        each_store.sweeps.get("s")
    for name in "abcdefg":
        each_store.sweeps.create(a_sweep(name=name))

    assert each_store.sweeps.find("s") is None
    with pytest.raises(NotFound, match=r"the latest ones: g, f, e, d, c$"):
        each_store.sweeps.get("s")


def test_only_sweeps_that_are_not_finished_are_live(each_store: Store, a_sweep: ASweep) -> None:
    for name in ("b", "a"):
        sweep = each_store.sweeps.create(a_sweep(name=name))

    each_store.sweeps.commit(sweep, sweep.move("finished", state=SweepState.FINISHED))

    assert each_store.sweeps.live() == ["b"]
    assert set(each_store.sweeps.names()) == {"a", "b"}


def test_of_two_suggesters_with_the_same_sweep_one_adds_its_runs_and_the_other_none(
    each_store: Store, a_sweep: ASweep, a_run: ARun
) -> None:
    read = each_store.sweeps.create(a_sweep())
    each_store.sweeps.commit(read, read.move("", created=1), [a_run(number=1)])

    with pytest.raises(Stale, match="record 0 of sweep s has changed"):
        each_store.sweeps.commit(read, read.move("", created=2), [a_run(number=1), a_run(number=2)])

    assert [run.number for run in each_store.runs.all("s")] == [1]


def test_the_detail_of_a_new_run_is_in_the_log_alone(each_store: Store, a_sweep: ASweep, a_run: ARun) -> None:
    sweep, event = each_store.sweeps.create(a_sweep()), suggested(a_run(), memory={"n": 1}, seen=0)

    each_store.sweeps.commit(sweep, sweep.move(""), [Change(None, a_run(), event=event)])

    first, second = each_store.sweeps.events("s")
    assert first.event == SweepSubmitted(state=SweepState.RUNNING, reason="")
    assert second.event == event
    assert not hasattr(each_store.runs.get("s.r.1"), "memory")


def test_a_move_without_a_name_leaves_no_event(each_store: Store, a_sweep: ASweep) -> None:
    sweep = each_store.sweeps.create(a_sweep())

    each_store.sweeps.commit(sweep, sweep.move("", seen=1))

    assert len(each_store.sweeps.events("s")) == 1
    assert each_store.sweeps.get("s").seen == 1


def test_the_log_is_read_in_pages(each_store: Store, a_sweep: ASweep, a_run: ARun) -> None:
    sweep = each_store.sweeps.create(a_sweep())
    each_store.sweeps.commit(sweep, sweep.move(""), [a_run(number=number) for number in range(1, 10)])

    def positions(*, after: int = 0, most: int = 100) -> list[int]:
        return [event.position for event in each_store.sweeps.events("s", after=after, most=most)]

    assert positions() == list(range(1, 11))
    assert positions(after=0, most=4) == [1, 2, 3, 4]
    assert positions(after=4, most=4) == [5, 6, 7, 8]
    assert positions(after=10) == []
    assert each_store.sweeps.events("other") == []


def test_events_carry_the_servers_time(each_store: Store, a_sweep: ASweep) -> None:
    before = each_store.sweeps.now()
    each_store.sweeps.create(a_sweep())

    (event,) = each_store.sweeps.events("s")

    assert before - 0.001 <= event.at_ms / 1000 <= each_store.sweeps.now()


def test_sweeps_do_not_see_each_others_runs(each_store: Store, a_sweep: ASweep, a_run: ARun) -> None:
    for name in ("a", "a.r.1"):
        sweep = each_store.sweeps.create(a_sweep(name=name))
        each_store.sweeps.commit(sweep, sweep.move(""), [a_run(sweep=name)])

    assert [run.id for run in each_store.runs.all("a")] == ["a.r.1"]
    assert each_store.runs.get("a.r.1.r.1").sweep == "a.r.1"


def test_the_position_of_the_tracker_is_kept_until_it_is_forgotten(each_store: Store) -> None:
    assert each_store.sweeps.tracked_position("s") == 0
    each_store.sweeps.set_tracked_position("s", 7)

    assert (each_store.sweeps.tracked(), each_store.sweeps.tracked_position("s")) == (["s"], 7)
    each_store.sweeps.forget_tracked("s")
    assert each_store.sweeps.tracked() == []


def test_the_id_of_the_servers_process_stays_while_it_runs(store: Store) -> None:
    assert store.sweeps.server_run_id() == store.sweeps.server_run_id() != ""


def test_sweeps_are_listed_in_the_order_of_their_creation_whatever_is_done_to_them_later(
    each_store: Store, a_sweep: ASweep
) -> None:
    older = each_store.sweeps.create(a_sweep(name="a-older"))
    each_store.sweeps.create(a_sweep(name="b-newer"))
    assert each_store.sweeps.names() == ["a-older", "b-newer"]

    time.sleep(0.005)
    each_store.sweeps.commit(older, older.move("paused", state=SweepState.PAUSED))

    assert each_store.sweeps.names() == ["a-older", "b-newer"]


def test_a_look_at_the_leases_fails_on_a_server_that_takes_no_writes(store: Store) -> None:
    server, clock = store.sweeps.look()
    assert server == store.sweeps.server_run_id()
    assert clock <= store.sweeps.now()

    store.client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnreachable, match="is out of memory: raise maxmemory or free some"):
            store.sweeps.look()
    finally:
        store.client.config_set("maxmemory", "0")


def test_the_whole_log_read_in_pages_is_the_log(
    each_store: Store, a_sweep: ASweep, a_run: ARun, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = each_store.sweeps.create(
        a_sweep(), observations=[{"params": {"x": "Größe\n✓"}, "score": 1e-300, "cost": 1.0}]
    )
    runs = [a_run(number=number) for number in range(1, 6)]
    each_store.sweeps.commit(sweep, sweep.move("", created=5), runs)
    monkeypatch.setattr(sweep_store, "PAGE", 2)

    log = each_store.sweeps.events_at("s", range(1, 7))

    assert [entry.position for entry in log] == [1, 2, 3, 4, 5, 6]
    assert list(each_store.sweeps.whole_log("s")) == each_store.sweeps.events("s") == log
    assert each_store.sweeps.events("s", after=1, most=3) == log[1:4]
    assert list(each_store.sweeps.whole_log("nobody")) == []


def test_the_outline_of_a_log_tells_what_happened_to_which_run_and_where_it_is_written(
    each_store: Store, a_sweep: ASweep, a_run: ARun, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = each_store.sweeps.create(a_sweep())
    sweep = each_store.sweeps.commit(sweep, sweep.move("", created=12), [a_run(number=number) for number in (1, 2, 12)])
    each_store.sweeps.commit(sweep, pause(sweep, "by hand"))
    each_store.runs.commit(each_store.runs.get("s.r.2"), cancel(each_store.runs.get("s.r.2")))
    monkeypatch.setattr(sweep_store, "PAGE", 2)

    outline = list(each_store.sweeps.outline("s"))
    of_one = list(each_store.sweeps.outline("s", run=2))

    assert outline == [(2, "suggested", 1), (3, "suggested", 2), (4, "suggested", 12), (6, "cancelled", 2)]
    assert of_one == [(3, "suggested", 2), (6, "cancelled", 2)]
    found = each_store.sweeps.events_at("s", [what.position for what in of_one])
    assert [entry.event.kind for entry in found] == ["suggested", "cancelled"]
