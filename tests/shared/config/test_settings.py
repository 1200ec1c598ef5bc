"""What the operator of a worker sets, and what an operator reads who set it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config.settings import data_dir, worker_settings
from shared.domain.errors import ConfigError


def test_an_empty_environment_gives_the_documented_values() -> None:
    settings = worker_settings({})

    assert (settings.lease_seconds, settings.reap_seconds, settings.republish_seconds) == (120, 10, 30)
    assert (settings.slots, settings.allow, settings.lease_ms) == (None, (), 120_000)


def test_each_setting_is_a_variable() -> None:
    environment = {
        "SWEEP_LEASE_SECONDS": "2.5",
        "SWEEP_HEARTBEAT_SECONDS": "1",
        "SWEEP_SLOTS": " 3 ",
        "SWEEP_OTHER": "x",
    }

    settings = worker_settings({**environment, "SWEEP_ALLOW": "my_pkg.*, env:my_envs"})

    assert (settings.lease_ms, settings.slots, settings.allow) == (2500, 3, ("my_pkg.*", "env:my_envs"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("SWEEP_SLOTS", "0"), ("SWEEP_SLOTS", "two"), ("SWEEP_LEASE_SECONDS", "-1"), ("SWEEP_TICK_SECONDS", "nan")],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is '{value}'.*: expected .*; correct it or unset it$") as caught:
        worker_settings({name: value})

    assert caught.value.exit_code == 2


def test_a_lease_of_less_than_two_heartbeats_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match="SWEEP_LEASE_SECONDS is 9: expected 10 or more"):
        worker_settings({"SWEEP_LEASE_SECONDS": "9"})


def test_the_data_folder_is_the_one_that_is_set_else_train_dir() -> None:
    assert data_dir({"DATA_DIR": "/data"}) == Path("/data")
    assert data_dir({"DATA_DIR": ""}) == data_dir({}) == Path("train_dir")
