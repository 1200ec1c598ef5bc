"""The outcome of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import ConfigError, NotFound
from shared.domain.run import RunState
from shared.store import keys
from shared.store.store import Store
from sweepctl.actions.results import list_runs, observed_runs, pareto_front, ranked, require_best, run_details

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


def test_the_best_run_is_first_and_of_equal_ones_the_cheaper(a_run: ARun) -> None:
    scores = [(1, 0.5, 1.0), (2, 0.9, 5.0), (3, 0.9, 2.0), (4, -1.0, 9.0)]
    runs = [a_run(RunState.OBSERVED, number=number, score=score, cost=cost) for number, score, cost in scores]

    assert [run.number for run in ranked(runs, goal="maximize")] == [3, 2, 1, 4]
    assert [run.number for run in ranked(runs, goal="minimize")] == [4, 1, 3, 2]


def test_the_pareto_front_holds_what_no_other_run_beats(a_run: ARun) -> None:
    scores = [(1, 0.5, 1.0), (2, 0.9, 5.0), (3, 0.9, 2.0), (4, 0.4, 3.0)]
    runs = [a_run(RunState.OBSERVED, number=number, score=score, cost=cost) for number, score, cost in scores]

    assert [run.number for run in pareto_front(runs, goal="maximize")] == [1, 3]
    assert [run.number for run in pareto_front(runs, goal="minimize")] == [1, 4]


def test_only_observed_runs_have_a_rank(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    sweep = store.sweeps.create(a_sweep())
    states = [RunState.FAILED, RunState.OBSERVED, RunState.TRAINED]
    store.sweeps.commit(sweep, sweep.move(""), [(a_run(state, number=n), {}) for n, state in enumerate(states, 1)])

    assert [run.number for run in observed_runs(store, "s")] == [2]
    assert [run.number for run in list_runs(store, "s", None)] == [1, 2, 3]
    assert [run.number for run in list_runs(store, "s", "failed")] == [1]


def test_what_is_asked_for_and_not_there_is_told(store: Store, a_sweep: ASweep) -> None:
    store.sweeps.create(a_sweep())

    with pytest.raises(NotFound, match="no run of sweep s has a score yet: see `sweepctl status s`"):
        require_best("s", [])
    with pytest.raises(ConfigError, match="--state done: there is no such state: use one of queued, training"):
        list_runs(store, "s", "done")
    with pytest.raises(NotFound):
        run_details(store, "s.r.1")


def test_the_moves_of_a_run_are_all_told_however_long_the_log_is(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    sweep = store.sweeps.create(a_sweep(config={"runs_dir": "/data"}))
    store.sweeps.commit(sweep, sweep.move(""), [(a_run(RunState.OBSERVED), {"memory": {"n": 1}, "seen": 0})])
    pipe = store.client.pipeline()
    for position in range(3, 10_101):
        pipe.xadd(keys.events("s"), {"at": "0", "e": '{"kind":"checkpointed","run":2,"step":1}'}, id=f"{position}-0")
    pipe.xadd(keys.events("s"), {"at": "5000", "e": '{"kind":"observed","run":1,"score":1.0}'}, id="10101-0")
    pipe.execute()

    details = run_details(store, "s.r.1")

    assert [move["kind"] for move in details["moves"]] == ["observed", "observed"]
    assert details["moves"][-1] == {"at": 5.0, "kind": "observed", "score": 1.0}
    assert details["folder"] == "/data/s.r.1"
