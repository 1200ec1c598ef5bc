"""The outcome of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.results import list_runs, pareto_front, ranked, require_best, run_details, standings
from shared.domain.errors import ConfigError, NotFound
from shared.domain.run import Run, RunState
from shared.store import keys
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


def test_the_best_configuration_is_first_and_of_equal_ones_the_cheaper(a_run: ARun, a_sweep: ASweep) -> None:
    scores = [(1, 0.5, 1.0), (2, 0.9, 5.0), (3, 0.9, 2.0), (4, -1.0, 9.0)]
    runs = [_scored(a_run, number, score, cost) for number, score, cost in scores]

    assert [one.run.number for one in ranked(runs, a_sweep())] == [3, 2, 1, 4]
    assert [one.run.number for one in ranked(runs, a_sweep(goal="minimize"))] == [4, 1, 3, 2]


def test_runs_of_one_configuration_stand_together_with_their_best_run_in_front(a_run: ARun, a_sweep: ASweep) -> None:
    runs = [_scored(a_run, number, score, 1.0, x=x) for number, x, score in [(1, 1, 5.0), (2, 2, 6.0), (3, 1, 9.0)]]

    first, second = ranked(runs, a_sweep())

    assert (first.configuration.runs, first.run.number, first.score) == ((3, 1), 3, 7.0)
    assert second.run.number == 2


def test_the_pareto_front_holds_what_no_other_configuration_beats(a_run: ARun, a_sweep: ASweep) -> None:
    scores = [(1, 0.5, 1.0), (2, 0.9, 5.0), (3, 0.9, 2.0), (4, 0.4, 3.0)]
    found = ranked([_scored(a_run, number, score, cost) for number, score, cost in scores], a_sweep())

    assert [one.run.number for one in pareto_front(found, goal="maximize")] == [1, 3]
    assert [one.run.number for one in pareto_front(found, goal="minimize")] == [1, 4]


def test_only_observed_runs_have_a_rank(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    sweep = store.sweeps.create(a_sweep())
    states = [RunState.FAILED, RunState.OBSERVED, RunState.TRAINED]
    store.sweeps.commit(sweep, sweep.move(""), [a_run(state, number=n) for n, state in enumerate(states, 1)])

    assert [one.run.number for one in standings(store, sweep)] == [2]
    assert [run.number for run in list_runs(store, "s", None).runs] == [1, 2, 3]
    assert [run.number for run in list_runs(store, "s", "failed").runs] == [1]
    newest = list_runs(store, "s", None, newest=2)
    assert ([run.number for run in newest.runs], newest.older) == ([2, 3], 1)


def test_a_run_is_shown_with_where_its_configuration_stands(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    memory = {"noise": [2.0, 30.0]}
    sweep = store.sweeps.create(a_sweep(config={"runs_dir": "/data", "sweep": {"metric": "reward"}}, memory=memory))
    runs = [_scored(a_run, number, score, 1.0, x=x) for number, x, score in [(1, 1, 5.0), (2, 2, 6.0), (3, 1, 9.0)]]
    store.sweeps.commit(sweep, sweep.move(""), [*runs, a_run(RunState.FAILED, number=4)])

    reported = run_details(store, "s.r.1")["standing"]

    assert (reported["rank"], reported["of"], reported["score"], reported["runs"]) == (1, 2, 7.0, ["s.r.3", "s.r.1"])
    assert reported["interval"][0] < 7.0 < reported["interval"][1]
    assert run_details(store, "s.r.2")["standing"]["rank"] == 2
    assert run_details(store, "s.r.4")["standing"] is None


def test_what_is_asked_for_and_not_there_is_reported(store: Store, a_sweep: ASweep) -> None:
    store.sweeps.create(a_sweep())

    with pytest.raises(NotFound, match="no run of sweep s has a score yet: see `sweepctl status s`"):
        require_best("s", [])
    with pytest.raises(ConfigError, match="--state is 'done': expected one of queued, training"):
        list_runs(store, "s", "done")
    with pytest.raises(NotFound):
        run_details(store, "s.r.1")


def test_the_moves_of_a_run_are_all_shown_however_long_the_log_is(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    sweep = store.sweeps.create(a_sweep(config={"runs_dir": "/data", "sweep": {"metric": "reward"}}))
    store.sweeps.commit(sweep, sweep.move(""), [a_run(RunState.OBSERVED)])
    pipe = store.client.pipeline()
    for position in range(3, 10_101):
        pipe.xadd(keys.events("s"), {"at": "0", "e": '{"kind":"checkpointed","run":2,"step":1}'}, id=f"{position}-0")
    pipe.xadd(keys.events("s"), {"at": "5000", "e": '{"kind":"observed","run":1,"score":1.0}'}, id="10101-0")
    pipe.execute()

    details = run_details(store, "s.r.1")

    assert [move["kind"] for move in details["moves"]] == ["observed", "observed"]
    assert details["moves"][-1] == {"at": 5.0, "kind": "observed", "score": 1.0}
    assert details["folder"] == "/data/s.r.1"


def _scored(a_run: ARun, number: int, score: float, cost: float, *, x: float | None = None) -> Run:
    """A run of a configuration of its own, unless `x` says which."""
    params = {"trainer.x": float(number) if x is None else x}
    return a_run(RunState.OBSERVED, number=number, score=score, cost=cost, params=params)
