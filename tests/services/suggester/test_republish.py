"""The safety net under every lost message."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from services.suggester.republish import republish
from shared.domain.run import Run, RunState, claim, release
from shared.domain.sweep import pause, resume
from shared.queues.notifications import Notifications
from shared.store import keys
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, AWorker


@pytest.fixture
def notifications(a_worker: AWorker) -> Notifications:
    """Real ones."""
    return a_worker("suggester", "suggest", "results").notifications


@pytest.fixture
def waiting(store: Store, a_run: ARun, a_sweep: ASweep) -> Callable[[int], list[Run]]:
    """Put so many waiting runs into sweep `s`, their notifications lost."""

    def make(count: int) -> list[Run]:
        sweep = store.sweeps.create(a_sweep())
        store.sweeps.commit(sweep, sweep.move("", created=count), [a_run(number=n + 1) for n in range(count)])
        return store.runs.all("s")

    return make


def test_workers_are_notified_again_about_a_run_whose_notification_was_lost(
    store: Store, notifications: Notifications, waiting: Callable[[int], list[Run]]
) -> None:
    waiting(3)

    republish(store, notifications)

    assert store.runs.messages("gpu") == 3


def test_a_queue_that_holds_a_message_for_each_run_gets_no_more(
    store: Store, notifications: Notifications, waiting: Callable[[int], list[Run]]
) -> None:
    waiting(3)

    for _ in range(5):
        republish(store, notifications)

    assert store.runs.messages("gpu") == 3


def test_a_run_that_fell_out_of_the_due_set_comes_back(
    store: Store, notifications: Notifications, waiting: Callable[[int], list[Run]]
) -> None:
    runs = waiting(2)
    store.client.delete(keys.due("gpu"))

    republish(store, notifications)

    assert [due.id for due in store.runs.due("gpu")] == [run.id for run in runs]
    assert store.runs.messages("gpu") == 2


def test_the_evaluator_is_notified_about_a_run_that_waits_for_it(
    store: Store, notifications: Notifications, a_run: ARun, a_sweep: ASweep
) -> None:
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move(""), [a_run(RunState.TRAINED)])

    republish(store, notifications)

    assert (store.runs.messages("eval"), store.runs.messages("gpu")) == (1, 0)


def test_no_worker_is_notified_about_a_paused_sweep_until_it_is_resumed(
    store: Store, notifications: Notifications, waiting: Callable[[int], list[Run]]
) -> None:
    (run,) = waiting(1)
    sweep = store.sweeps.get("s")
    paused = store.sweeps.commit(sweep, pause(sweep, "lunch"))
    store.runs.unmark_due(run)

    republish(store, notifications)
    assert store.runs.messages("gpu") == 0

    store.sweeps.commit(paused, resume(paused))
    republish(store, notifications)
    assert store.runs.messages("gpu") == 1


def test_no_worker_is_notified_about_a_run_that_has_an_owner(
    store: Store, notifications: Notifications, waiting: Callable[[int], list[Run]]
) -> None:
    (run,) = waiting(1)
    held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=1000)
    republish(store, notifications)
    assert store.runs.messages("gpu") == 0

    store.runs.commit(held, release(held))
    republish(store, notifications)
    assert store.runs.messages("gpu") == 1


def test_a_sweep_of_another_version_does_not_silence_the_others(
    store: Store, notifications: Notifications, waiting: Callable[[int], list[Run]]
) -> None:
    waiting(1)
    store.client.delete(keys.due("gpu"))
    store.client.set(keys.sweep("a"), '{"version": 1, "schema_version": 2}')
    store.client.sadd(keys.LIVE_SWEEPS, "a", "gone")

    republish(store, notifications)

    assert store.runs.messages("gpu") == 1
