"""Where a sweep is to be seen in Weights & Biases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.tracking.links import run_link, sweep_link

if TYPE_CHECKING:
    from tests.conftest import ASweep

ONLINE = {"mode": "online", "entity": "us", "project": "p q", "group": None}


def test_a_sweep_that_is_tracked_online_has_a_link_and_so_have_its_runs(
    a_sweep: ASweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    sweep = a_sweep(config={"wandb": ONLINE})

    assert sweep_link(sweep) == "https://wandb.ai/us/p%20q/groups/s"
    assert run_link(sweep, "s.r.7") == "https://wandb.ai/us/p%20q/runs/s.r.7"


def test_a_server_of_ones_own_and_a_group_are_in_the_link(a_sweep: ASweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example/")

    assert sweep_link(a_sweep(config={"wandb": {**ONLINE, "group": "g"}})) == "https://wandb.example/us/p%20q/groups/g"


@pytest.mark.parametrize("settings", [{}, {**ONLINE, "mode": "offline"}, {**ONLINE, "entity": None}])
def test_without_an_online_project_there_is_no_link(a_sweep: ASweep, settings: dict[str, Any]) -> None:
    assert sweep_link(a_sweep(config={"wandb": settings})) is None
    assert run_link(a_sweep(config={}), "s.r.1") is None
