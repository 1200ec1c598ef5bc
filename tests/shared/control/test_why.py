"""What was known when a run was suggested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.retry import retry_run
from shared.control.why import why
from shared.domain.errors import NotFound
from shared.domain.record_events import suggested
from shared.domain.run import Failure, Prediction, Run, claim, fail, observe
from shared.store.ledger import Change
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


def known(run: Run, seen: int, reasons: dict[str, float]) -> Change:
    return Change(None, run, event=suggested(run, seen=seen, memory={}, reasons=reasons))


def suggest_one(store: Store, run: Run, *, seen: int) -> None:
    sweep = store.sweeps.get("s")
    reasons = {"log_improvement": -1.5, "log_cost": 2.0, "cost_weight": 0.5}
    store.sweeps.commit(sweep, sweep.move("", created=run.number), [known(run, seen, reasons)])


@pytest.fixture
def third(store: Store, a_run: ARun, a_sweep: ASweep) -> Run:
    """Run 1 is scored, run 2 is pending when run 3 is suggested, which then scores more than expected."""
    store.sweeps.create(a_sweep(config={"runs_dir": "/nowhere"}))
    expected = Prediction(source="refined", score=1.0, score_std=0.5, cost=10.0, log_cost_std=0.1)
    suggest_one(store, a_run(number=1), seen=1)
    score_one(store, "s.r.1", 0.5)
    suggest_one(store, a_run(number=2), seen=4)
    suggest_one(store, a_run(number=3, prediction=expected), seen=5)
    return score_one(store, "s.r.3", 2.5)


def score_one(store: Store, run_id: str, score: float) -> Run:
    run = store.runs.get(run_id)
    held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    scored = observe(held, score=score, cost=15.0, seconds=1.0, steps=1, metrics={})
    return store.runs.commit(held, scored, lease="drop")


def test_what_was_known_pending_and_expected_is_read_with_the_outcome(store: Store, third: Run) -> None:
    found = why(store, third.id)

    assert (found.observed, found.pending) == (1, (2,))
    assert found.score_off == 3.0
    assert found.cost_ratio == 1.5
    assert found.to_json()["reasons"] == {"log_improvement": -1.5, "log_cost": 2.0, "cost_weight": 0.5}


def test_a_run_without_a_score_is_not_compared_with_its_prediction(store: Store, third: Run) -> None:
    assert why(store, "s.r.1").observed == 0
    assert why(store, "s.r.2").score_off is None


def test_a_run_that_does_not_exist_is_not_found(store: Store, third: Run) -> None:
    with pytest.raises(NotFound):
        why(store, "s.r.9")


def test_a_run_that_had_failed_and_was_tried_again_was_pending(store: Store, third: Run, a_run: ARun) -> None:
    run = store.runs.get("s.r.2")
    held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    store.runs.commit(held, fail(held, Failure(kind="user code", message="boom"), cost=1.0))
    retry_run(store, "s.r.2")
    last = store.sweeps.last_event("s")
    assert last is not None

    suggest_one(store, a_run(number=4), seen=last.position)

    assert (why(store, "s.r.4").pending, why(store, "s.r.4").observed) == ((2,), 2)
