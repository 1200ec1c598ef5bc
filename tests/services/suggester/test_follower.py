"""The optimizer of one sweep, as its log tells it."""

from __future__ import annotations

from typing import Any

import pytest

from services.suggester.follower import Follower, follow
from shared.control.submit import submit
from shared.domain.run import Params
from shared.store.store import Store
from tests.conftest import AJob


@pytest.mark.parametrize("method", ["bayes", "random", "sobol", "grid", "optuna-tpe"])
def test_a_suggestion_whose_commit_was_refused_leaves_nothing_behind(store: Store, a_job: AJob, method: str) -> None:
    sweep = submit(store, a_job("sweep_run=s", f"sweep.method={method}")).sweep
    follower = follow(sweep)

    refused = follower.suggest(2, sweep.memory)
    again = follower.suggest(2, sweep.memory)

    assert not sweep.memory
    assert again == refused == follow(sweep).suggest(2, sweep.memory)


@pytest.mark.parametrize("method", ["bayes", "random", "sobol", "grid", "optuna-tpe"])
def test_of_a_run_that_failed_and_was_tried_again_only_its_last_end_counts(
    store: Store, a_job: AJob, method: str
) -> None:
    sweep = submit(store, a_job("sweep_run=s", f"sweep.method={method}", "sweep.protein.num_random_samples=2")).sweep
    once, twice = follow(sweep), follow(sweep)
    first, second, third = (suggestion.params for suggestion in once.suggest(3, {}))
    suggested = [suggested_as(1, first), suggested_as(2, second), suggested_as(3, third)]
    failure = {"kind": "failed", "run": 2, "cost": 3.0, "failure": "user code"}
    again = {"kind": "retried", "run": 2, "params": second, "state": "queued", "was": "failed", "cost": 3.0}
    ends = [observed_as(1, 0.5), observed_as(3, 0.25), observed_as(2, 0.75)]

    take(once, [*suggested, *ends])
    take(twice, [*suggested, failure, ends[0], again, failure, again, *ends[1:]])

    assert (twice.outcomes, twice.pending, twice.failed) == (once.outcomes, {}, set())
    assert twice.told == once.told
    assert twice.suggest(2, {"n": 3}) == once.suggest(2, {"n": 3})


def test_until_then_its_failure_is_known_and_it_is_pending(store: Store, a_job: AJob) -> None:
    follower = follow(submit(store, a_job("sweep_run=s")).sweep)
    (suggestion,) = follower.suggest(1, {})
    failure = {"kind": "failed", "run": 1, "cost": 3.0, "failure": "user code"}
    again = {"kind": "retried", "run": 1, "params": suggestion.params, "state": "queued", "was": "failed", "cost": 3.0}

    take(follower, [suggested_as(1, suggestion.params), failure, again])

    assert (follower.pending, [one.score for one in follower.told]) == ({1: suggestion.params}, [None])
    take(follower, [{"kind": "cancelled", "run": 1}])
    assert (follower.pending, [one.score for one in follower.told]) == ({}, [None])


def suggested_as(run: int, params: Params) -> dict[str, Any]:
    return {"kind": "suggested", "run": run, "params": params}


def observed_as(run: int, score: float) -> dict[str, Any]:
    return {"kind": "observed", "run": run, "score": score, "cost": 2.0}


def take(follower: Follower, events: list[dict[str, Any]]) -> None:
    for event in events:
        follower.take(event, position=follower.position + 1)
