"""Whose code is called on whose word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import ConfigError
from sweepctl.actions.run_sweep import refuse_for_strangers

if TYPE_CHECKING:
    from tests.conftest import AJob

OWN = ("trainer=function", "trainer.function=my_code:train")
OPEN = "redis://127.0.0.1:6379/0"


def test_ones_own_code_is_not_called_for_everybody_who_reaches_a_redis_without_a_password(a_job: AJob) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_for_strangers(a_job(*OWN), OPEN, {})

    assert str(caught.value) == (
        "my_code:train is code of yours, and Redis at redis://127.0.0.1:6379/0 takes orders from everybody who reaches "
        "it: give it a password, or vouch for the code with SWEEP_ALLOW=my_code:train"
    )


@pytest.mark.parametrize("url", ["unix:///tmp/redis.sock?db=0", "redis://:pw@127.0.0.1:6379/0"])
def test_a_store_that_asks_who_is_there_calls_what_the_config_names(a_job: AJob, url: str) -> None:
    refuse_for_strangers(a_job(*OWN), url, {})


def test_what_is_vouched_for_is_called_on_any_store(a_job: AJob) -> None:
    refuse_for_strangers(a_job(*OWN), OPEN, {"SWEEP_ALLOW": "my_code.*"})


def test_a_sweep_of_built_in_training_needs_no_vouching(a_job: AJob) -> None:
    refuse_for_strangers(a_job(), OPEN, {})
