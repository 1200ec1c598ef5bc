"""The optimizer of one sweep, as its log tells it."""

from __future__ import annotations

import pytest

from services.suggester.follower import follow
from shared.store.store import Store
from sweepctl.actions.submit import submit
from tests.conftest import AJob


@pytest.mark.parametrize("method", ["bayes", "random", "sobol", "grid", "optuna-tpe"])
def test_a_suggestion_whose_commit_was_refused_leaves_nothing_behind(store: Store, a_job: AJob, method: str) -> None:
    sweep = submit(store, a_job("sweep_run=s", f"sweep.method={method}")).sweep
    follower = follow(sweep)

    refused = follower.suggest(2, sweep.memory)
    again = follower.suggest(2, sweep.memory)

    assert not sweep.memory
    assert again == refused == follow(sweep).suggest(2, sweep.memory)
