"""What the suggester does for a sweep, on a real server and with real notifications."""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.suggester.advance_sweep import MOST_AT_ONCE, Suggester
from shared.control.steer import enqueue_run
from shared.control.submit import submit
from shared.domain.configuration import Configuration
from shared.domain.events import RunSuggested
from shared.domain.run import Failure, Run, RunState, cancel, claim, fail, lose_attempt, observe
from shared.domain.sweep import Sweep, SweepState, pause, stop
from shared.queues.notifications import Notifications
from shared.store import keys
from shared.store.fleet import LiveWorker
from shared.store.ledger import Ledger
from shared.store.run_store import RunStore
from shared.store.store import Store, open_store
from tests.logs import events_of

if TYPE_CHECKING:
    from tests.conftest import AJob, AWorker

QUEUED, TRAINING, TRAINED, EVALUATING, OBSERVED, FAILED, CANCELLED = RunState


@pytest.fixture
def notifications(a_worker: AWorker) -> Notifications:
    """Real ones."""
    return a_worker("suggester", "suggest", "results").notifications


@pytest.fixture
def suggester(store: Store, notifications: Notifications) -> Suggester:
    """A suggester that has just started."""
    return Suggester(store, notifications)


@pytest.fixture
def begin(store: Store, a_job: AJob) -> Callable[..., Sweep]:
    """Submit sweep `s`."""
    return lambda *overrides: submit(store, a_job(*overrides)).sweep


def start(store: Store, run: Run) -> Run:
    return store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)


def score(store: Store, run: Run, value: float = 0.5, *, cost: float = 1.0) -> Run:
    run = start(store, run) if run.state is QUEUED else run
    return store.runs.commit(run, observe(run, score=value, cost=cost, seconds=1.0, steps=1, metrics={}))


def break_down(store: Store, run: Run) -> Run:
    run = start(store, run)
    return store.runs.commit(run, fail(run, Failure(kind="user code", message="boom"), cost=1.0))


def announce(store: Store, *, slots: int, queue: str = "gpu") -> None:
    store.fleet.announce(
        LiveWorker(id="w", service="trainer", host="h", pid=1, queues=(queue,), slots=slots, version="1")
    )


def numbers(store: Store, *states: RunState) -> list[int]:
    return [run.number for run in store.runs.in_states("s", states or tuple(RunState))]


# ------------------------------------------------------------------------------------------------ suggesting


def test_a_sweep_gets_its_first_runs_at_once_and_a_notification_for_each(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin()

    suggester.advance("s")

    assert numbers(store, QUEUED) == [1, 2]
    assert store.runs.messages("gpu") == 2
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.1", "s.r.2"]
    assert store.sweeps.get("s").created == 2


def test_a_second_look_finds_nothing_to_do(store: Store, suggester: Suggester, begin: Callable[..., Sweep]) -> None:
    begin()
    suggester.advance("s")
    before = store.sweeps.get("s"), len(store.sweeps.events("s"))

    suggester.advance("s")
    suggester.advance("s")

    after = store.sweeps.get("s")
    assert (after.created, len(store.sweeps.events("s"))) == (before[0].created, before[1])
    suggester.advance("s")
    assert store.sweeps.get("s") == after


def test_live_slots_are_filled_up_as_runs_are_taken(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin()
    announce(store, slots=3)
    suggester.advance("s")
    assert numbers(store, QUEUED) == [1, 2, 3, 4]

    score(store, store.runs.get("s.r.2"))
    suggester.advance("s")

    assert numbers(store, QUEUED) == [1, 3, 4, 5]


def test_slots_of_another_queue_are_not_filled(store: Store, suggester: Suggester, begin: Callable[..., Sweep]) -> None:
    begin()
    announce(store, slots=8, queue="cpu")

    suggester.advance("s")

    assert numbers(store) == [1, 2]


def test_parallelism_and_the_number_of_runs_are_never_exceeded(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("parallelism=2", "budget.max_runs=5")
    announce(store, slots=8)
    for _ in range(20):
        suggester.advance("s")
        unfinished = numbers(store, QUEUED, TRAINING, TRAINED, EVALUATING)
        assert len(unfinished) <= 2
        if unfinished:
            score(store, store.runs.get(f"s.r.{unfinished[0]}"))

    assert numbers(store, OBSERVED) == [1, 2, 3, 4, 5]
    assert store.sweeps.get("s").state is SweepState.FINISHED


def test_a_huge_fleet_is_served_in_commits_of_limited_size(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("budget.max_runs=1000", "sweep.method=random")
    announce(store, slots=150)

    suggester.advance("s")
    assert len(numbers(store)) == MOST_AT_ONCE == 100
    suggester.advance("s")
    assert len(numbers(store)) == 151


def test_of_two_suggesters_at_once_one_gets_through_and_no_number_is_given_twice(
    store: Store, begin: Callable[..., Sweep], notifications: Notifications
) -> None:
    begin("budget.max_runs=100", "sweep.method=random")
    rivals = [Suggester(open_store(store.url), notifications) for _ in range(2)]

    for slots in (2, 5, 9):
        announce(store, slots=slots)
        at_once = threading.Barrier(2)

        def compete(rival: Suggester, at_once: threading.Barrier = at_once) -> None:
            at_once.wait()
            rival.advance("s")

        threads = [threading.Thread(target=compete, args=(rival,)) for rival in rivals]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert numbers(store) == list(range(1, slots + 2))

    suggested = [event.run for event in events_of(store, RunSuggested)]
    assert suggested == list(range(1, 11))
    assert store.sweeps.get("s").created == 10
    for rival in rivals:
        rival._store.close()


class Interleaved(RunStore):
    """A run store with a call of another client between two of its calls."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def counts(self, sweep: str) -> dict[RunState, int]:
        self.meanwhile()
        return super().counts(sweep)


# ------------------------------------------------------------------------------------------------ replay


def searched(store: Store, begin: Callable[..., Sweep], next_suggester: Callable[[], Suggester]) -> list[RunSuggested]:
    """Run a small sweep to its end and return what was suggested."""
    store.client.flushall()
    begin("parallelism=1", "look_ahead=0", "budget.max_runs=8", "sweep.protein.num_random_samples=3")
    while not store.sweeps.get("s").is_finished:
        next_suggester().advance("s")
        for run in store.runs.in_states("s", [QUEUED]):
            rate = float(run.params["trainer.optimizer.learning_rate"])
            if run.number == 4:
                break_down(store, run)
            else:
                score(store, run, -((rate - 3e-4) ** 2) * 1e6, cost=1.0 + rate * 1e3)
    return events_of(store, RunSuggested)


def test_a_suggester_that_is_restarted_before_each_suggestion_makes_the_same_ones(
    store: Store, begin: Callable[..., Sweep], notifications: Notifications
) -> None:
    one = Suggester(store, notifications)

    without = searched(store, begin, lambda: one)
    with_restarts = searched(store, begin, lambda: Suggester(store, notifications))

    assert len(without) == 8
    assert with_restarts == without


@pytest.mark.slow
def test_a_suggester_that_lost_against_another_continues_as_if_it_had_never_tried(
    store: Store, begin: Callable[..., Sweep], notifications: Notifications
) -> None:
    alone, rival = Suggester(store, notifications), Suggester(store, notifications)
    runs = Interleaved(store.client, store.url, Ledger(store.client, store.url))
    often_beaten = Suggester(replace(store, runs=runs), notifications)
    looks = itertools.count()
    undisturbed = searched(store, begin, lambda: alone)

    def beat_it_now_and_then() -> None:
        if next(looks) % 3 == 0:
            rival.advance("s")

    runs.meanwhile = beat_it_now_and_then

    assert searched(store, begin, lambda: often_beaten) == undisturbed


def test_what_was_enqueued_is_suggested_first_and_counts_as_pending_for_the_rest(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("parallelism=3", "budget.max_runs=5")
    announce(store, slots=3)
    asked = [enqueue_run(store, "s", [f"trainer.optimizer.learning_rate={rate}"]) for rate in ("0.0002", "0.0003")]

    suggester.advance("s")

    runs = store.runs.all("s")
    assert [run.params for run in runs[:2]] == asked
    assert [run.prediction.source for run in runs] == ["enqueued", "enqueued", "centre"]
    assert store.sweeps.get("s").enqueued == ()


# ------------------------------------------------------------------------------------------------ ends


def test_the_last_run_counts_even_if_it_ends_while_the_suggester_looks(
    store: Store, begin: Callable[..., Sweep], notifications: Notifications
) -> None:
    begin("budget.max_runs=1")
    runs = Interleaved(store.client, store.url, Ledger(store.client, store.url))
    suggester = Suggester(replace(store, runs=runs), notifications)
    suggester.advance("s")
    training = start(store, store.runs.get("s.r.1"))

    def end_it() -> None:
        if store.runs.get("s.r.1").state is TRAINING:
            score(store, training, 0.75)

    runs.meanwhile = end_it
    suggester.advance("s")
    suggester.advance("s")

    sweep = store.sweeps.get("s")
    assert sweep.state is SweepState.FINISHED
    assert (sweep.observed, sweep.best.score if sweep.best else None) == (1, 0.75)


def test_a_finished_sweep_knows_the_totals_of_its_log(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("budget.max_runs=4", "parallelism=4", "look_ahead=3")
    suggester.advance("s")
    score(store, store.runs.get("s.r.1"), 0.25, cost=2.0)
    score(store, store.runs.get("s.r.2"), 0.75, cost=3.0)
    break_down(store, store.runs.get("s.r.3"))
    run = store.runs.get("s.r.4")
    store.runs.commit(run, cancel(run))

    suggester.advance("s")

    sweep = store.sweeps.get("s")
    assert (sweep.state, sweep.reason) == (SweepState.FINISHED, "all 4 runs done")
    assert (sweep.observed, sweep.failed, sweep.cancelled, sweep.spent) == (2, 1, 1, 6.0)
    assert sweep.best is not None
    assert sweep.best.run == 2
    assert store.sweeps.live() == []


def test_what_leads_is_a_configuration_with_the_mean_of_its_runs_also_for_a_suggester_that_comes_later(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep], notifications: Notifications
) -> None:
    begin("sweep.method=random", "parallelism=1", "budget.max_runs=3")
    assignment = "trainer.optimizer.learning_rate=0.0002"
    for number, value in enumerate([0.9, 0.5, 0.6], start=1):
        if number != 2:
            enqueue_run(store, "s", [assignment])
        suggester.advance("s")
        score(store, store.runs.get(f"s.r.{number}"), value, cost=float(number))
        assert store.sweeps.get("s").leading == (None if number == 1 else Configuration(runs=(1,), score=0.9, cost=1.0))

    Suggester(store, notifications).advance("s")

    sweep = store.sweeps.get("s")
    assert sweep.leader == Configuration(runs=(1, 3), score=0.75, cost=2.0)
    assert sweep.best is not None
    assert (sweep.best.run, sweep.best.score) == (1, 0.9), "the target score is compared with runs"


def test_what_leads_is_worth_what_the_noise_allows_as_soon_as_that_is_known(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("sweep.method=random", "parallelism=1")
    suggester.advance("s")
    sweep = store.sweeps.get("s")
    store.sweeps.commit(sweep, sweep.move("", memory={**sweep.memory, "noise": [0.1, 20.0]}))
    score(store, store.runs.get("s.r.1"), 0.5)

    suggester.advance("s")

    leader = store.sweeps.get("s").leader
    assert leader is not None
    assert leader.low is not None
    assert leader.low == pytest.approx(0.5 - 0.1 * 2.09, abs=0.01)


def test_runs_that_were_not_started_are_cancelled_once_the_target_is_reached(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("budget.target_score=0.9")
    announce(store, slots=3)
    suggester.advance("s")
    training = start(store, store.runs.get("s.r.2"))
    score(store, store.runs.get("s.r.1"), 0.95)

    suggester.advance("s")
    assert (numbers(store, CANCELLED), numbers(store, TRAINING)) == ([3, 4], [2])
    score(store, training)
    suggester.advance("s")

    sweep = store.sweeps.get("s")
    assert (sweep.state, sweep.reason) == (SweepState.FINISHED, "target score 0.9 reached by run 1")
    assert store.runs.due("gpu") == []


def test_a_stopping_sweep_ends_after_the_runs_in_progress(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin()
    suggester.advance("s")
    training = start(store, store.runs.get("s.r.1"))
    sweep = store.sweeps.get("s")
    store.sweeps.commit(sweep, stop(sweep))

    suggester.advance("s")
    suggester.advance("s")
    assert (numbers(store, CANCELLED), store.sweeps.get("s").state) == ([2], SweepState.STOPPING)
    score(store, training)
    suggester.advance("s")

    assert store.sweeps.get("s").state is SweepState.FINISHED


def test_the_last_of_all_runs_is_not_cancelled_though_no_more_may_be_suggested(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("budget.max_runs=2")
    suggester.advance("s")

    suggester.advance("s")

    assert numbers(store, QUEUED) == [1, 2]


def test_failures_in_a_row_pause_the_sweep_and_nothing_is_suggested(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("max_consecutive_failures=2")
    suggester.advance("s")
    for number in (1, 2):
        break_down(store, store.runs.get(f"s.r.{number}"))

    suggester.advance("s")
    suggester.advance("s")

    sweep = store.sweeps.get("s")
    assert (sweep.state, sweep.reason, sweep.created) == (SweepState.PAUSED, "2 runs failed in a row", 2)


@pytest.mark.filterwarnings("ignore::services.suggester.protein.UnusableCost")
def test_failures_of_the_infrastructure_pause_nothing(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    begin("max_consecutive_failures=1")
    suggester.advance("s")
    run = start(store, store.runs.get("s.r.1"))
    store.runs.commit(run, lose_attempt(run, "killed", max_stuck=1))

    suggester.advance("s")

    assert store.sweeps.get("s").state is SweepState.RUNNING
    assert numbers(store, FAILED) == [1]


def test_nothing_is_suggested_for_a_paused_sweep(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep]
) -> None:
    sweep = begin()
    store.sweeps.commit(sweep, pause(sweep, "lunch"))

    suggester.advance("s")

    assert numbers(store) == []


def test_a_sweep_that_does_not_exist_is_left_alone(suggester: Suggester) -> None:
    suggester.advance("nobody")


@pytest.mark.parametrize("damage", ["schema_version", "config"])
def test_a_sweep_of_another_version_does_not_keep_the_others_waiting(
    store: Store, suggester: Suggester, begin: Callable[..., Sweep], a_job: AJob, damage: str
) -> None:
    begin()
    submit(store, a_job("sweep_run=a"))
    record = json.loads(str(store.client.get(keys.sweep("a"))))
    if damage == "schema_version":
        record["schema_version"] = 2
    else:
        record["config"]["a_new_key"] = 1
    store.client.set(keys.sweep("a"), json.dumps(record))

    suggester.advance_all()

    assert store.sweeps.live() == ["a", "s"]
    assert numbers(store) == [1, 2]
    assert store.runs.all("a") == []


def test_a_suggester_without_optuna_leaves_its_sweeps_to_others_with_one_warning(
    store: Store,
    suggester: Suggester,
    begin: Callable[..., Sweep],
    a_job: AJob,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    submit(store, a_job("sweep_run=a", "sweep.method=optuna-tpe"))
    begin()
    monkeypatch.setitem(sys.modules, "optuna", None)

    suggester.advance("a")
    suggester.advance_all()
    suggester.advance_all()

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "sweep a: cannot be served by this suggester: sweep.method is optuna-tpe: Optuna is not installed here; "
        "run pip install 'protein-sweeps[optuna]'"
    ]
    assert (store.runs.all("a"), numbers(store)) == ([], [1, 2])
