"""The files that `sweepctl init` writes run unchanged, with real workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.control.init import KINDS
from tests.system.test_examples import type_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_starting_point_runs_unchanged(kind: str, tmp_path: Path) -> None:
    type_in(tmp_path, f"sweepctl init {kind} --name first")

    ended = type_in(tmp_path, "sweepctl run first budget.max_runs=2")

    assert "[2/2] first-" in ended
    assert "failed" not in ended
