"""A short soak test; the long one is `make chaos DURATION=10m`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.soak import report, schedule, soak


def test_the_same_seed_gives_the_same_schedule() -> None:
    faults = Counter(worker=5, redis=2, freeze=3)

    assert schedule(faults, 7) == schedule(faults, 7) != schedule(faults, 8)
    assert Counter(schedule(faults, 7)) == faults


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_lost_doubled_or_stuck_while_workers_suggester_and_redis_die(tmp_path: Path) -> None:
    said: list[str] = []
    faults = Counter(worker=5, suggester=1, redis=1, freeze=1)

    found = soak(tmp_path, seed=3, runs=16, faults=faults, say=said.append, seconds=200)

    assert found.is_good, "\n".join([*said, report(found)])
    assert found.bytes_per_run < 4096
