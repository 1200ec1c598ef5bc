"""The files of a new sweep compose as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config.compose import compose
from shared.control.init import KINDS, plan


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_composes_by_the_name_of_the_sweep_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for place, text in plan(kind, "first").items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    composed = compose("first")

    assert composed.notes == ()
    assert composed.job.trainer.kind == {"wandb": "command"}.get(kind, kind)
    assert composed.job.is_evaluated == (kind == "ppo")
