"""What a sweep learned from an earlier one, before its first suggestion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from services.suggester.follower import follow
from services.suggester.replay import replay
from shared.store.store import Store
from tests.shared.control.test_observations import a_table, warmed

if TYPE_CHECKING:
    from tests.conftest import AJob


def test_what_is_known_counts_for_the_first_suggestion_and_for_its_replay(
    store: Store, a_job: AJob, tmp_path: Path
) -> None:
    rows = [f"o.r.{n},observed,{n},10,{n * 1e-4}" for n in range(1, 9)]
    warmed(store, a_job, a_table(tmp_path, *rows), "sweep.protein.num_random_samples=5")
    sweep = store.sweeps.get("s")
    follower = follow(sweep)
    for entry in store.sweeps.events("s"):
        follower.take(entry)

    (suggestion,) = follower.suggest(1, {})

    assert suggestion.predicted_score is not None
    assert suggestion.source not in ("centre", "sobol")
    assert list(replay(sweep, store.sweeps.events("s"))) == []
