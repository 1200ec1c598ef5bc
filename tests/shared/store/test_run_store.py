"""The contract of the runs' store, on a real server and on fakeredis."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ResponseError

from shared.domain.errors import Held, NotFound, Stale, Unreadable
from shared.domain.progress import Progress
from shared.domain.run import (
    Checkpoint,
    EarlyStop,
    Failure,
    Run,
    RunState,
    cancel,
    claim,
    fail,
    finish_training,
    keep_checkpoint,
    lose_attempt,
    observe,
    release,
    stop_early,
)
from shared.domain.sweep import SweepState, pause, stop
from shared.store import keys
from shared.store.connection import SCRIPTS
from shared.store.ledger import KEPT_COMMITS, new_commit_id
from shared.store.store import Store, open_store
from tests.logs import kinds_of

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

LEASE_MS = 60_000


@pytest.fixture
def queued(each_store: Store, a_run: ARun, a_sweep: ASweep) -> Run:
    """The only run of sweep `s`, waiting in the store."""
    sweep = each_store.sweeps.create(a_sweep())
    each_store.sweeps.commit(sweep, sweep.move("", created=1), [a_run()])
    return each_store.runs.get("s.r.1")


def mine(run: Run, *, worker: str = "w", nonce: str = "n") -> Run:
    return claim(run, worker=worker, nonce=nonce, at=0.0)


def taken(store: Store, run: Run, *, lease_ms: int = LEASE_MS) -> Run:
    return store.runs.claim(run, mine(run), lease_ms=lease_ms)


def with_checkpoint(run: Run, step: int = 10) -> Run:
    return keep_checkpoint(run, Checkpoint(step=step, path=str(step), sha256="abc"), seconds=1.0)


def kinds(store: Store) -> list[str]:
    return kinds_of(store)


def everything(store: Store) -> dict[str, object]:
    """Return all that the store holds, to see that nothing of it changed."""
    readers: dict[str, Callable[[str], Any]] = {
        "string": store.client.get,
        "hash": store.client.hgetall,
        "set": store.client.smembers,
        "zset": lambda key: store.client.zrange(key, 0, -1, withscores=True),
        "stream": store.client.xrange,
    }
    found = sorted(str(key) for key in store.client.scan_iter())
    return {key: readers[str(store.client.type(key))](key) for key in found}


def wait_for_end_of_lease(store: Store) -> None:
    deadline = time.monotonic() + 5
    while not store.runs.expired():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# ------------------------------------------------------------------------------------------------ commits


def test_a_run_is_read_as_it_was_written(each_store: Store, queued: Run, a_run: ARun) -> None:
    assert queued.model_copy(update={"commits": ()}) == a_run()
    assert len(queued.commits) == 1
    assert each_store.runs.all("s") == [queued]


@pytest.mark.parametrize("name", ["s.r.2", "other.r.1", "s", "", "s.r.x"])
def test_a_run_that_does_not_exist_is_not_found(each_store: Store, queued: Run, name: str) -> None:
    with pytest.raises(NotFound):
        each_store.runs.get(name)


def test_two_trainers_that_claim_one_run_cannot_both_have_it(each_store: Store, queued: Run) -> None:
    first = each_store.runs.claim(queued, mine(queued, nonce="first"), lease_ms=LEASE_MS)

    with pytest.raises(Stale, match="record 1 of sweep s has changed: read it again"):
        each_store.runs.claim(queued, mine(queued, nonce="second"), lease_ms=LEASE_MS)

    assert each_store.runs.get(queued.id) == first


def test_each_move_is_one_event_in_a_log_without_gaps(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued)
    saved = each_store.runs.commit(training, with_checkpoint(training), lease=LEASE_MS)
    trained = each_store.runs.commit(saved, finish_training(saved, seconds=1, steps=10, metrics={}))
    scored = taken(each_store, trained)
    each_store.runs.commit(scored, observe(scored, score=1, cost=2, seconds=1, steps=10, metrics={}))

    expected = ["submitted", "suggested", "claimed", "checkpointed", "trained", "claimed", "observed"]
    events = each_store.sweeps.events("s")
    assert kinds(each_store) == expected
    assert [event.position for event in events] == list(range(1, len(events) + 1))


def test_the_index_the_leases_and_the_due_sets_follow_the_state(each_store: Store, queued: Run) -> None:
    def indexed() -> tuple[list[RunState], list[str], list[str], int]:
        runs = each_store.runs
        counted = [state for state, count in runs.counts("s").items() if count]
        due = [[waiting.id for waiting in runs.due(queue)] for queue in ("gpu", "eval")]
        return counted, due[0], due[1], int(each_store.client.zcard(keys.LEASES))

    one = [queued.id]
    assert indexed() == ([RunState.QUEUED], one, [], 0)
    training = taken(each_store, queued)
    assert indexed() == ([RunState.TRAINING], [], [], 1)
    training = each_store.runs.commit(training, with_checkpoint(training), lease=LEASE_MS)
    assert indexed() == ([RunState.TRAINING], [], [], 1)
    trained = each_store.runs.commit(training, finish_training(training, seconds=1, steps=10, metrics={}))
    assert indexed() == ([RunState.TRAINED], [], one, 0)
    scored = taken(each_store, trained)
    assert indexed() == ([RunState.EVALUATING], [], [], 1)
    lost = each_store.runs.commit(scored, lose_attempt(scored, "killed", max_stuck=3))
    assert indexed() == ([RunState.TRAINED], [], one, 0)
    each_store.runs.commit(lost, cancel(lost))
    assert indexed() == ([RunState.CANCELLED], [], [], 0)


def test_runs_are_found_by_their_states_in_the_order_of_their_numbers(
    each_store: Store, a_sweep: ASweep, a_run: ARun
) -> None:
    sweep = each_store.sweeps.create(a_sweep())
    each_store.sweeps.commit(sweep, sweep.move(""), [a_run(number=number) for number in range(1, 13)])
    for number in (2, 11):
        taken(each_store, each_store.runs.get(f"s.r.{number}"))

    def numbers(*states: RunState) -> list[int]:
        return [run.number for run in each_store.runs.in_states("s", states)]

    assert numbers(RunState.TRAINING) == [2, 11]
    assert numbers(RunState.QUEUED) == [1, 3, 4, 5, 6, 7, 8, 9, 10, 12]
    assert numbers(RunState.QUEUED, RunState.TRAINING) == list(range(1, 13))
    assert numbers(RunState.OBSERVED) == []
    assert each_store.runs.counts("s")[RunState.QUEUED] == 10


def test_a_commit_that_is_repeated_changes_nothing_and_answers_the_same(each_store: Store, queued: Run) -> None:
    commit_id = new_commit_id()
    first = each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, commit_id=commit_id)
    before = everything(each_store)

    assert each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, commit_id=commit_id) == first
    assert everything(each_store) == before


def test_a_commit_is_remembered_while_others_come_between(each_store: Store, queued: Run) -> None:
    commit_id = new_commit_id()
    first = each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, commit_id=commit_id)
    latest = first
    for step in range(1, KEPT_COMMITS):
        latest = each_store.runs.commit(latest, with_checkpoint(latest, step), lease=LEASE_MS)

    assert each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, commit_id=commit_id) == first
    assert each_store.runs.get(queued.id) == latest


def test_a_commit_that_is_forgotten_is_stale_rather_than_done_twice(each_store: Store, queued: Run) -> None:
    commit_id = new_commit_id()
    latest = each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, commit_id=commit_id)
    for step in range(1, KEPT_COMMITS + 1):
        latest = each_store.runs.commit(latest, with_checkpoint(latest, step), lease=LEASE_MS)

    with pytest.raises(Stale):
        each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, commit_id=commit_id)
    assert each_store.runs.get(queued.id) == latest


def test_of_a_batch_all_is_written_or_nothing(each_store: Store, a_run: ARun, queued: Run) -> None:
    sweep = each_store.sweeps.get("s")
    before = everything(each_store)

    with pytest.raises(Stale, match="record 1 of sweep s"):
        each_store.sweeps.commit(sweep, sweep.move("", created=3), [a_run(number=2), a_run(number=1)])

    assert everything(each_store) == before


def test_a_bad_argument_leaves_nothing_half_written(each_store: Store, queued: Run) -> None:
    before = everything(each_store)
    key_list = [keys.sweep("s"), keys.runs("s"), keys.states("s"), keys.events("s"), keys.LEASES, keys.SWEEPS]
    key_list += [keys.LIVE_SWEEPS, keys.due("gpu"), keys.due("eval")]
    usual = {"body": "{}", "event": "{}", "ordinal": 1, "lease": "drop", "due": 0}
    good = {**usual, "number": 1, "expect": queued.version}
    script = each_store.client.register_script((SCRIPTS / "commit.lua").read_text())
    for bad in ({"body": 5}, {"event": None}, {"ordinal": "x"}, {"due": None}, {"lease": "for ever"}, {"lease": None}):
        changes = json.dumps([good, {**usual, "number": 2, "expect": 0, **bad}])

        with pytest.raises(ResponseError, match=r"must be text|needs"):
            script(keys=key_list, args=["id", "s", "", changes])

        assert everything(each_store) == before, bad


def test_of_many_writers_at_once_one_gets_through(store: Store, a_sweep: ASweep, a_run: ARun) -> None:
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move("", created=1), [a_run()])
    run = store.runs.get("s.r.1")
    outcomes: list[str] = []
    at_once = threading.Barrier(8)

    def compete(number: int) -> None:
        rival = open_store(store.url)
        at_once.wait()
        try:
            rival.runs.claim(run, mine(run, nonce=str(number)), lease_ms=LEASE_MS)
            outcomes.append("won")
        except Stale:
            outcomes.append("lost")
        rival.close()

    threads = [threading.Thread(target=compete, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["lost"] * 7 + ["won"]
    assert kinds(store).count("claimed") == 1


def test_a_record_of_another_version_is_not_reported_as_a_bug(each_store: Store, queued: Run) -> None:
    each_store.client.hset(keys.runs("s"), "1", json.dumps({"version": 1, "schema_version": 2, "id": "s.r.1"}))

    with pytest.raises(Unreadable, match="a run in the store was written by another version \\(schema_version"):
        each_store.runs.get("s.r.1")


# ------------------------------------------------------------------------------------------------ guarded by the sweep


def test_nothing_of_a_paused_sweep_is_claimed_and_its_notification_is_silenced(each_store: Store, queued: Run) -> None:
    sweep = each_store.sweeps.get("s")
    each_store.sweeps.commit(sweep, pause(sweep, "lunch"))

    with pytest.raises(Held, match="sweep s is paused: none of its runs can be claimed"):
        taken(each_store, queued)

    assert each_store.runs.get(queued.id) == queued
    assert each_store.runs.due("gpu") == []


def test_what_a_stopping_sweep_has_started_may_be_claimed(each_store: Store, queued: Run) -> None:
    sweep = each_store.sweeps.get("s")
    each_store.sweeps.commit(sweep, stop(sweep))

    assert taken(each_store, queued).state is RunState.TRAINING


def test_nothing_of_a_finished_or_missing_sweep_is_claimed(each_store: Store, queued: Run) -> None:
    sweep = each_store.sweeps.get("s")
    each_store.sweeps.commit(sweep, sweep.move("finished", state=SweepState.FINISHED))
    with pytest.raises(Held, match="sweep s is finished"):
        taken(each_store, queued)

    each_store.client.delete(keys.sweep("s"))
    with pytest.raises(Held, match="sweep s is missing"):
        taken(each_store, queued)


def test_a_claim_whose_reply_was_lost_is_ours_even_if_the_sweep_was_paused_since(
    each_store: Store, queued: Run
) -> None:
    commit_id, running = new_commit_id(), (SweepState.RUNNING,)
    first = each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, only_in=running, commit_id=commit_id)
    sweep = each_store.sweeps.get("s")
    each_store.sweeps.commit(sweep, pause(sweep, "lunch"))

    again = each_store.runs.commit(queued, mine(queued), lease=LEASE_MS, only_in=running, commit_id=commit_id)

    assert again == first


# ------------------------------------------------------------------------------------------------ leases


def test_a_lease_ends_when_its_time_is_over_and_not_before(each_store: Store, queued: Run) -> None:
    taken(each_store, queued, lease_ms=150)
    assert each_store.runs.expired() == []

    wait_for_end_of_lease(each_store)

    assert each_store.runs.expired() == [queued.id]


def test_a_run_is_taken_only_from_an_owner_whose_lease_has_run_out(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued, lease_ms=150)
    lost = lose_attempt(training, "no heartbeat", max_stuck=3)

    with pytest.raises(Stale):
        each_store.runs.commit(training, lost, lease="expired")
    wait_for_end_of_lease(each_store)

    assert each_store.runs.commit(training, lost, lease="expired").state is RunState.QUEUED
    assert each_store.runs.expired() == []


def test_a_renewal_after_the_look_at_the_leases_saves_the_run(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued, lease_ms=1)
    wait_for_end_of_lease(each_store)

    assert each_store.runs.renew(training, lease_ms=LEASE_MS) == "OK"

    with pytest.raises(Stale):
        each_store.runs.commit(training, lose_attempt(training, "silent", max_stuck=3), lease="expired")
    assert each_store.runs.expired() == []


def test_the_longest_silent_run_is_the_first_to_be_taken(each_store: Store, a_sweep: ASweep, a_run: ARun) -> None:
    sweep = each_store.sweeps.create(a_sweep())
    each_store.sweeps.commit(sweep, sweep.move(""), [a_run(number=number) for number in (1, 2, 3)])
    for number, milliseconds in ((1, 800), (2, 1), (3, 400)):  # far apart: a claim may take its time
        taken(each_store, each_store.runs.get(f"s.r.{number}"), lease_ms=milliseconds)
    time.sleep(0.81)

    assert each_store.runs.expired() == ["s.r.2", "s.r.3", "s.r.1"]
    assert each_store.runs.expired(most=1) == ["s.r.2"]


def test_cancelling_keeps_the_lease_and_reaches_the_owner_with_its_next_renewal(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued)
    assert each_store.runs.renew(training, lease_ms=LEASE_MS) == "OK"

    each_store.runs.commit(training, cancel(training), lease="keep")

    assert each_store.runs.renew(training, lease_ms=LEASE_MS) == "CANCEL"
    assert each_store.client.zcard(keys.LEASES) == 1


def test_an_early_stop_reaches_the_owner_with_its_next_renewal_and_a_cancellation_goes_before_it(
    each_store: Store, queued: Run
) -> None:
    training = taken(each_store, queued)
    decision = EarlyStop(step=5, score=1.0, cost=2.0, why="worse than the others")

    marked = each_store.runs.commit(training, stop_early(training, decision), lease="keep")

    assert each_store.runs.get(training.id).early_stop == decision
    assert each_store.runs.renew(training, lease_ms=LEASE_MS) == "STOP"
    assert each_store.client.zcard(keys.LEASES) == 1
    each_store.runs.commit(marked, cancel(marked), lease="keep")
    assert each_store.runs.renew(training, lease_ms=LEASE_MS) == "CANCEL"


def test_the_evaluation_of_a_run_that_was_stopped_early_continues(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued)
    saved = keep_checkpoint(training, Checkpoint(step=10, path="p", sha256="s"), seconds=1.0)
    training = each_store.runs.commit(training, saved, lease="keep")
    decision = EarlyStop(step=15, score=1.0, cost=2.0, why="worse than the others")
    marked = each_store.runs.commit(training, stop_early(training, decision), lease="keep")
    trained = each_store.runs.commit(marked, finish_training(marked, seconds=1.0, steps=10, metrics={}))

    evaluating = taken(each_store, trained)

    assert evaluating.early_stop == decision
    assert each_store.runs.renew(evaluating, lease_ms=LEASE_MS) == "OK"


def test_a_fenced_owner_changes_nothing(each_store: Store, queued: Run) -> None:
    old = taken(each_store, queued)
    each_store.runs.renew(old, lease_ms=LEASE_MS, progress=Progress(step=1))
    waiting = each_store.runs.commit(old, release(old))
    new = each_store.runs.claim(waiting, mine(waiting, nonce="new"), lease_ms=LEASE_MS)
    before = everything(each_store)
    assert old.owner is not None
    assert new.owner is not None
    same_token = new.owner.model_copy(update={"nonce": old.owner.nonce})
    same_nonce = new.owner.model_copy(update={"token": old.owner.token})

    for stranger in (old, queued, *(new.model_copy(update={"owner": owner}) for owner in (same_token, same_nonce))):
        assert each_store.runs.renew(stranger, lease_ms=1, progress=Progress(step=99)) == "FENCED"
    with pytest.raises(Stale):
        each_store.runs.commit(old, fail(old, Failure(kind="user code", message="late"), cost=1.0))

    assert everything(each_store) == before
    assert each_store.runs.renew(new, lease_ms=LEASE_MS) == "OK"


def test_an_owner_of_a_store_that_was_rolled_back_is_known_by_its_nonce(each_store: Store, queued: Run) -> None:
    lost_with_the_store = mine(queued, nonce="before")
    taken(each_store, queued)

    assert each_store.runs.renew(lost_with_the_store, lease_ms=LEASE_MS) == "FENCED"


def test_a_renewal_of_a_run_that_is_gone_is_fenced(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued)
    each_store.client.flushall()

    assert each_store.runs.renew(training, lease_ms=LEASE_MS, progress=Progress(step=1)) == "FENCED"
    assert everything(each_store) == {}


def test_the_last_progress_is_kept_for_each_run_that_reported(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued)
    progress = Progress(total_steps=9).after(3, {"reward": 1.5}, metric="reward")

    each_store.runs.renew(training, lease_ms=LEASE_MS, progress=progress)
    each_store.runs.renew(training, lease_ms=LEASE_MS)

    assert each_store.runs.progress("s", [1, 2]) == {1: progress}
    assert each_store.runs.progress("s", []) == {}


# ------------------------------------------------------------------------------------------------ due


def test_the_run_that_has_waited_longest_is_the_first_that_is_due(
    each_store: Store, a_sweep: ASweep, a_run: ARun
) -> None:
    sweep = each_store.sweeps.create(a_sweep())
    for number in (3, 1, 2):
        sweep = each_store.sweeps.commit(sweep, sweep.move(""), [a_run(number=number)])
        time.sleep(0.003)

    assert [due.id for due in each_store.runs.due("gpu")] == ["s.r.3", "s.r.1", "s.r.2"]
    assert [due.id for due in each_store.runs.due("gpu", most=2)] == ["s.r.3", "s.r.1"]
    assert each_store.runs.due("cpu") == []


def test_a_run_that_is_marked_due_again_keeps_its_place_in_the_queue(each_store: Store, queued: Run) -> None:
    before = each_store.runs.due("gpu")
    time.sleep(0.003)

    each_store.runs.mark_due(queued)

    assert each_store.runs.due("gpu") == before


def test_a_run_that_was_taken_out_of_the_due_set_is_due_once_it_is_marked_again(each_store: Store, queued: Run) -> None:
    each_store.runs.unmark_due(queued)
    assert each_store.runs.due("gpu") == []

    each_store.runs.mark_due(queued)

    assert [due.id for due in each_store.runs.due("gpu")] == [queued.id]


def test_a_run_that_was_claimed_since_it_was_read_is_neither_marked_due_nor_unmarked(
    each_store: Store, queued: Run
) -> None:
    training = taken(each_store, queued)
    each_store.runs.mark_due(queued)
    assert each_store.runs.due("gpu") == []

    each_store.runs.commit(training, release(training))
    each_store.runs.unmark_due(queued)

    assert [due.id for due in each_store.runs.due("gpu")] == [queued.id]


def test_to_mark_a_run_that_does_not_wait_does_nothing(each_store: Store, queued: Run) -> None:
    training = taken(each_store, queued)
    before = everything(each_store)

    each_store.runs.mark_due(training)
    each_store.runs.unmark_due(training)

    assert everything(each_store) == before


def test_the_messages_of_a_queue_are_counted(each_store: Store) -> None:
    assert each_store.runs.messages("gpu") == 0
    each_store.client.lpush("gpu", "a", "b")
    assert each_store.runs.messages("gpu") == 2


def test_runs_are_read_by_their_numbers_and_those_that_there_are_not_are_left_out(
    each_store: Store, a_run: ARun, a_sweep: ASweep
) -> None:
    sweep = each_store.sweeps.create(a_sweep())
    runs = [a_run(RunState.OBSERVED, number=1), a_run(number=2), a_run(number=10)]
    each_store.sweeps.commit(sweep, sweep.move("", created=10), runs)

    assert [run.number for run in each_store.runs.numbered("s", [10, 2, 7, 2])] == [2, 10]
    assert each_store.runs.numbered("s", []) == []
    assert each_store.runs.numbers_in("s", [RunState.QUEUED]) == [2, 10]
    assert each_store.runs.numbers_in("s", RunState) == [1, 2, 10]
    assert (each_store.runs.waiting("gpu"), each_store.runs.waiting("eval")) == (2, 0)
