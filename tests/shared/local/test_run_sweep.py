"""Whose code is called on whose word."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import ConfigError
from shared.local.run_sweep import LocalSweep, refuse_for_strangers, refuse_without_code
from shared.store.fleet import LiveWorker
from shared.store.store import Store, open_store

if TYPE_CHECKING:
    from tests.conftest import AJob

PPO = ("trainer=ppo", "sim=sweep_eval")
OWN = ("trainer=function", "trainer.function=my_code:train")
OPEN = "redis://127.0.0.1:6379/0"


def test_ones_own_code_is_not_called_for_everybody_who_reaches_a_redis_without_a_password(a_job: AJob) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_for_strangers(a_job(*OWN), OPEN, {})

    assert str(caught.value) == (
        "my_code:train is your own code, and Redis at redis://127.0.0.1:6379/0 has no password, so that everybody who "
        "reaches it could call this code; set a password, or allow the code with SWEEP_ALLOW=my_code:train"
    )


@pytest.mark.parametrize("url", ["unix:///tmp/redis.sock?db=0", "redis://:pw@127.0.0.1:6379/0"])
def test_a_store_that_asks_who_is_there_calls_what_the_config_names(a_job: AJob, url: str) -> None:
    refuse_for_strangers(a_job(*OWN), url, {})


def test_what_is_vouched_for_is_called_on_any_store(a_job: AJob) -> None:
    refuse_for_strangers(a_job(*OWN), OPEN, {"SWEEP_ALLOW": "my_code.*"})


def test_a_sweep_of_built_in_training_needs_no_vouching(a_job: AJob) -> None:
    refuse_for_strangers(a_job(), OPEN, {})


def test_a_program_that_is_not_here_is_missed_before_anything_starts(
    a_job: AJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.sh").write_text("#!/bin/sh\n")

    def said(program: str) -> str:
        with pytest.raises(ConfigError) as caught:
            refuse_without_code(a_job("trainer=command", f"trainer.command={program}"))
        return str(caught.value)

    assert said("no-such-program") == ("command no-such-program: no such program here; install it, or give its path")
    assert said("train.sh") == "command train.sh: this folder is not on the PATH; write ./train.sh"
    assert said("./train.sh") == "command ./train.sh: the file is not executable; run chmod +x ./train.sh"
    (tmp_path / "train.sh").chmod(0o755)
    refuse_without_code(a_job("trainer=command", "trainer.command=./train.sh"))


def test_a_module_that_is_not_here_is_missed_before_anything_starts_and_one_that_is_here_is_not_imported(
    a_job: AJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_here.py").write_text("raise RuntimeError('imported')\n")

    def said(*overrides: str) -> str:
        with pytest.raises(ConfigError) as caught:
            refuse_without_code(a_job(*overrides))
        return str(caught.value)

    assert said("trainer=function", "trainer.function=clff.sub:train") == (
        "module clff of clff.sub:train cannot be imported here; install it, or start in the folder that contains it"
    )
    assert said(*PPO, "trainer.env='my_envs:Own-v0'").startswith("module my_envs of env:my_envs cannot be")
    refuse_without_code(a_job("trainer=function", "trainer.function=mine_here:train"))
    refuse_without_code(a_job(*PPO, "trainer.env='mine_here:Own-v0'"))


def test_a_sweep_that_is_refused_is_not_even_submitted(a_job: AJob, tmp_path: Path) -> None:
    nobody_answers = open_store("redis://127.0.0.1:1/0")

    with pytest.raises(ConfigError, match="is your own code"):
        next(LocalSweep(nobody_answers, a_job(*OWN), tmp_path).follow())

    assert list(tmp_path.iterdir()) == []
    nobody_answers.close()


@pytest.mark.parametrize(
    ("sim", "services", "served"),
    [
        ("none", ("suggester", "trainer"), True),
        ("none", ("suggester",), False),
        ("sweep_eval", ("suggester", "trainer"), False),
        ("sweep_eval", ("suggester", "trainer", "evaluator"), True),
    ],
)
def test_a_sweep_is_served_by_workers_of_the_services_that_its_runs_need(
    store: Store, a_job: AJob, tmp_path: Path, sim: str, services: tuple[str, ...], served: bool
) -> None:
    for service in services:
        store.fleet.announce(
            LiveWorker(
                id=service, service=service, host=socket.gethostname(), pid=os.getpid(), queues=(), slots=1, version="1"
            )
        )

    sweep = LocalSweep(store, a_job("trainer=ppo" if sim == "sweep_eval" else "trainer=noop", f"sim={sim}"), tmp_path)

    assert sweep.is_served(existed=True) is served
