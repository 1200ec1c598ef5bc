"""The optimizer of one sweep, as its log tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from services.suggester.follower import Follower, follow
from shared.control.submit import submit
from shared.domain.errors import Unreadable
from shared.domain.events import (
    Event,
    LogEntry,
    RunCancelled,
    RunFailed,
    RunObserved,
    RunRetried,
    RunSuggested,
)
from shared.domain.run import Params, RunState
from shared.store.store import Store
from tests.conftest import AJob
from tests.logs import log_of


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
    failure, again = failed_as(2), retried_as(2, second)
    ends = [observed_as(1, 0.5), observed_as(3, 0.25), observed_as(2, 0.75)]

    take(once, [*suggested, *ends])
    take(twice, [*suggested, failure, ends[0], again, failure, again, *ends[1:]])

    assert (twice.outcomes, twice.pending, twice.failed) == (once.outcomes, {}, set())
    assert twice.observations == once.observations
    assert twice.suggest(2, {"n": 3}) == once.suggest(2, {"n": 3})


def test_until_then_its_failure_is_known_and_it_is_pending(store: Store, a_job: AJob) -> None:
    follower = follow(submit(store, a_job("sweep_run=s")).sweep)
    (suggestion,) = follower.suggest(1, {})
    failure, again = failed_as(1), retried_as(1, suggestion.params)

    take(follower, [suggested_as(1, suggestion.params), failure, again])

    assert (follower.pending, [one.score for one in follower.observations]) == ({1: suggestion.params}, [None])
    take(follower, [RunCancelled(run=1)])
    assert (follower.pending, [one.score for one in follower.observations]) == ({}, [None])


@pytest.mark.parametrize("newer", [{"kind": "observed", "run": 1, "score": "good"}, {"kind": "failed", "run": "a"}])
def test_an_event_that_a_newer_version_wrote_in_another_form_is_left_to_that_version(
    store: Store, a_job: AJob, newer: dict[str, Any]
) -> None:
    follower = follow(submit(store, a_job("sweep_run=s")).sweep)
    take(follower, [suggested_as(1, {})])

    with pytest.raises(Unreadable, match=f"entry 2 of the log, '{newer['kind']}', was written by another version"):
        follower.take(*log_of(newer, first=2))

    assert (follower.position, follower.pending, follower.observations) == (1, {1: {}}, [])


def test_an_event_of_a_kind_that_a_newer_version_added_changes_nothing_here(store: Store, a_job: AJob) -> None:
    follower = follow(submit(store, a_job("sweep_run=s")).sweep)

    follower.take(*log_of({"kind": "teleported", "run": 1, "to": "the moon"}))

    assert (follower.position, follower.pending, follower.observations) == (1, {}, [])


def suggested_as(run: int, params: Params) -> RunSuggested:
    return RunSuggested(run=run, params=params, source="test")


def observed_as(run: int, score: float) -> RunObserved:
    return RunObserved(run=run, score=score, cost=2.0)


def failed_as(run: int) -> RunFailed:
    return RunFailed(run=run, cost=3.0, failure="user code")


def retried_as(run: int, params: Params) -> RunRetried:
    return RunRetried(run=run, params=params, state=RunState.QUEUED, step=0, was="failed", cost=3.0)


def take(follower: Follower, events: Sequence[Event]) -> None:
    for event in events:
        follower.take(LogEntry(follower.position + 1, 0, event))
