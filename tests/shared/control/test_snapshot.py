"""A sweep at one moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.control.snapshot import describe, take_snapshot
from shared.domain.configuration import Configuration
from shared.domain.progress import Progress
from shared.domain.run import Run, RunState, claim
from shared.domain.sweep import Best
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


def test_a_snapshot_shows_what_is_done_what_is_in_progress_and_what_is_best(
    store: Store, a_run: ARun, a_sweep: ASweep
) -> None:
    best = Best(run=1, score=1.0, cost=2.0)
    sweep = store.sweeps.create(a_sweep(best=best, limits={"max_runs": 4}, created_at=store.sweeps.now() - 60))
    runs = [a_run(RunState.OBSERVED, number=1), a_run(RunState.FAILED, number=2), a_run(number=3)]
    store.sweeps.commit(sweep, sweep.move("", created=3), runs)
    waiting = store.runs.get("s.r.3")
    held = store.runs.claim(waiting, claim(waiting, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    store.runs.renew(held, lease_ms=60_000, progress=Progress().after(5, {"reward": 0.5}, metric="reward"))

    shot = take_snapshot(store, "s")

    assert shot.done == 2
    assert [run.number for run in shot.unfinished] == [3]
    assert shot.progress[3].curve == ((5, 0.5),)
    assert shot.best is not None
    assert shot.best.number == 1
    assert shot.seconds_left == pytest.approx((4 - 2 - 0.5) * 1.5), "the median run took (3 + 0) / 2 seconds"
    reported = json.loads(json.dumps(shot.to_json()))
    assert reported["runs"] == {**dict.fromkeys(map(str, RunState), 0), "observed": 1, "failed": 1, "training": 1}
    assert (reported["best"]["run"], reported["unfinished"][0]["steps"]) == ("s.r.1", 5)
    assert (reported["forecast"]["limit"], reported["forecast"]["runs_left"]) == ("max_runs", 2)
    assert (reported["best"]["interval"], reported["best"]["runs"]) == (None, ["s.r.1"]), "what an earlier version knew"


def test_what_is_best_is_a_configuration_with_its_runs_and_what_it_is_worth(
    store: Store, a_run: ARun, a_sweep: ASweep
) -> None:
    leader = Configuration(runs=(3, 1), score=7.0, cost=4.0, low=5.0, high=8.0)
    sweep = store.sweeps.create(a_sweep(best=Best(run=2, score=8.5, cost=2.0), leader=leader))
    runs = [a_run(RunState.OBSERVED, number=number, score=9.0 - number) for number in (1, 2, 3)]
    store.sweeps.commit(sweep, sweep.move("", created=3), runs)

    reported = take_snapshot(store, "s").to_json()["best"]

    assert (reported["run"], reported["runs"]) == ("s.r.3", ["s.r.3", "s.r.1"])
    assert (reported["score"], reported["cost"], reported["interval"]) == (7.0, 4.0, [5.0, 8.0])


def test_a_snapshot_costs_the_same_however_many_runs_are_over(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    def bytes_of_a_snapshot() -> int:
        before = store.client.info("stats")["total_net_output_bytes"]
        take_snapshot(store, "s")
        return int(store.client.info("stats")["total_net_output_bytes"] - before)

    sweep = store.sweeps.create(a_sweep(best=Best(run=1, score=1.0, cost=2.0)))
    some = 0
    for start in range(1, 801, 100):
        more: list[Run] = [a_run(RunState.OBSERVED, number=number) for number in range(start, start + 100)]
        sweep = store.sweeps.commit(sweep, sweep.move("", created=start + 99), more)
        some = some or bytes_of_a_snapshot()

    assert bytes_of_a_snapshot() < some + 1000


def test_a_run_is_described_in_plain_data(a_run: ARun, a_sweep: ASweep) -> None:
    reported = describe(a_run(RunState.EVALUATING), a_sweep())

    assert json.loads(json.dumps(reported)) == reported
    assert reported["checkpoint"] == {"step": 10, "path": "10.a1", "sha256": "abc", "train_seconds": 1.0}
    assert (reported["worker"], reported["train_seconds"], reported["score"]) == ("w", 2.0, None)
