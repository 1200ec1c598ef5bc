"""Following a sweep: what a look fetches, and what an outage does to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from shared.control import watching
from shared.control.watching import Queue, Watch
from shared.domain.errors import NotFound, StoreUnreachable
from shared.domain.progress import Progress
from shared.domain.run import Run, RunState, cancel, claim
from shared.store.store import Store, open_store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, Gate

CONFIG = {"runs_dir": "/nowhere", "cost": "seconds", "sweep": {"metric": "reward"}}


@pytest.fixture
def watch(store: Store) -> Watch:
    """Return the watch of sweep `s`."""
    return opened(store)


def opened(store: Store) -> Watch:
    @contextmanager
    def open_it() -> Iterator[Store]:
        yield store

    return Watch(open_it, "s")


def add(store: Store, a_sweep: ASweep, runs: list[Run]) -> None:
    sweep = store.sweeps.create(a_sweep(config=CONFIG))
    store.sweeps.commit(sweep, sweep.move("", created=len(runs)), runs)


def bytes_of(store: Store, look: Any) -> int:
    before = store.client.info("stats")["total_net_output_bytes"]
    look()
    return int(store.client.info("stats")["total_net_output_bytes"] - before)


def test_a_look_has_every_run_and_the_next_one_what_has_changed(
    store: Store, watch: Watch, a_run: ARun, a_sweep: ASweep
) -> None:
    add(store, a_sweep, [a_run(RunState.OBSERVED, number=1), a_run(number=2)])
    assert [run.state for run in watch.look().runs] == ["observed", "queued"]

    store.runs.commit(store.runs.get("s.r.2"), cancel(store.runs.get("s.r.2")))

    assert [run.state for run in watch.look().runs] == ["observed", "cancelled"]


def test_a_long_history_comes_in_parts_the_newest_first(
    store: Store, watch: Watch, a_run: ARun, a_sweep: ASweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "HISTORY_AT_ONCE", 2)
    add(store, a_sweep, [a_run(RunState.OBSERVED, number=number) for number in range(1, 6)])

    looks = [watch.look() for _ in range(3)]

    assert [[run.number for run in look.runs] for look in looks] == [[4, 5], [2, 3, 4, 5], [1, 2, 3, 4, 5]]
    assert [look.is_whole for look in looks] == [False, False, True]


def test_a_look_costs_the_same_however_many_runs_are_over(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    costs = []
    for count in (10, 800):
        store.client.flushall()
        add(store, a_sweep, [a_run(RunState.OBSERVED, number=number) for number in range(1, count + 1)])
        watch = opened(store)
        watch.look(curves_of=[1, 2, 3])
        costs.append(bytes_of(store, lambda watch=watch: watch.look(curves_of=[1, 2, 3])))

    assert costs[1] < costs[0] + 200


def test_the_curves_are_those_of_the_runs_in_flight_and_of_those_that_are_asked_for(
    store: Store, watch: Watch, a_run: ARun, a_sweep: ASweep
) -> None:
    add(store, a_sweep, [a_run(number=1), a_run(number=2), a_run(RunState.OBSERVED, number=3)])
    for number in (1, 2):
        run = store.runs.get(f"s.r.{number}")
        held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
        store.runs.renew(held, lease_ms=60_000, progress=Progress().after(5, {"reward": 0.5}, metric="reward"))
    run = store.runs.get("s.r.2")
    store.runs.commit(run, run.move("observed", state=RunState.OBSERVED, owner=None, score=1.0, cost=1.0))

    assert set(watch.look().curves) == {1}
    assert set(watch.look(curves_of=[2, 3]).curves) == {1, 2}


def test_a_run_in_focus_is_described_as_by_show_and_where_its_log_should_be(
    store: Store, watch: Watch, a_run: ARun, a_sweep: ASweep
) -> None:
    add(store, a_sweep, [a_run(RunState.OBSERVED, number=1)])
    watch.look()

    focus = watch.look(focus=1).focus

    assert focus is not None
    assert focus.details["standing"]["rank"] == 1
    assert [move["kind"] for move in focus.details["moves"]] == ["observed"]
    assert "has no log" in focus.log


def test_the_end_of_a_log_is_read_from_the_folder_of_the_run(
    store: Store, watch: Watch, a_run: ARun, a_sweep: ASweep, tmp_path: Any
) -> None:
    sweep = store.sweeps.create(a_sweep(config={**CONFIG, "runs_dir": str(tmp_path)}))
    store.sweeps.commit(sweep, sweep.move("", created=1), [a_run(RunState.OBSERVED, number=1)])
    log = tmp_path / "s.r.1" / "logs" / "train.1.log"
    log.parent.mkdir(parents=True)
    log.write_text("x" * watching.LOG_BYTES + "the end")
    watch.look()

    focus = watch.look(focus=1).focus

    assert focus is not None
    assert (focus.log_file, focus.log[-7:], len(focus.log)) == (str(log), "the end", watching.LOG_BYTES)


def test_the_queues_say_how_many_runs_wait(store: Store, watch: Watch, a_run: ARun, a_sweep: ASweep) -> None:
    add(store, a_sweep, [a_run(number=1), a_run(number=2)])

    assert watch.look().queues[0] == Queue("gpu", runs=2, messages=0)


def test_after_an_outage_the_store_is_opened_again_and_what_happened_meanwhile_is_there(
    gate: Gate, a_run: ARun, a_sweep: ASweep
) -> None:
    opens = []

    @contextmanager
    def open_it() -> Iterator[Store]:
        opens.append(open_store(gate.url))
        yield opens[-1]
        opens[-1].close()

    watch = Watch(open_it, "s")
    writer = open_store(gate.url)
    add(writer, a_sweep, [a_run(number=1)])
    watch.look()

    gate.shut()
    for _ in range(2):
        with pytest.raises(StoreUnreachable):
            watch.look()
    gate.open()
    writer.runs.commit(writer.runs.get("s.r.1"), cancel(writer.runs.get("s.r.1")))

    assert [run.state for run in watch.look().runs] == ["cancelled"]
    assert len(opens) == 3
    watch.close()
    writer.close()


def test_a_sweep_that_was_created_again_is_read_from_the_start(
    store: Store, watch: Watch, a_run: ARun, a_sweep: ASweep
) -> None:
    add(store, a_sweep, [a_run(number=number) for number in range(1, 5)])
    watch.look()
    store.client.flushall()
    with pytest.raises(NotFound):
        watch.look()

    add(store, a_sweep, [a_run(number=1)])

    assert [run.number for run in watch.look().runs] == [1]
