"""What `run` does for the workers of one machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from shared.domain.run import RunState, claim
from shared.execution.permission import entry_points
from shared.local.workers import take_from_the_dead
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("trainer=noop",), ()),
        (("trainer=function", "trainer.function=my_pkg.train:go"), ("my_pkg.train:go",)),
        (("trainer=command", "trainer.command='./train.sh {args}'"), ("command:./train.sh",)),
        (("trainer=ppo", "trainer.env=my_envs:Maze-v0", "sim=sweep_eval"), ("env:my_envs",)),
    ],
)
def test_who_runs_a_sweep_here_vouches_for_what_it_imports(
    a_job: AJob, overrides: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert entry_points(a_job(*overrides)) == expected


def test_runs_of_this_machines_dead_workers_wait_again_at_once_and_no_others(
    store: Store, a_run: ARun, a_sweep: ASweep
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = socket.gethostname()
    owners = [f"trainer@{here}:{dead.pid}", f"trainer@{here}:{os.getpid()}", f"trainer@elsewhere:{dead.pid}", "odd"]
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move(""), [a_run(number=n) for n in range(1, len(owners) + 1)])
    for number, owner in enumerate(owners, start=1):
        run = store.runs.get(f"s.r.{number}")
        store.runs.claim(run, claim(run, worker=owner, nonce="n", at=0.0), lease_ms=60_000)

    take_from_the_dead(store, "s")

    assert [run.number for run in store.runs.in_states("s", [RunState.QUEUED])] == [1]
    assert store.runs.get("s.r.1").setback == "its worker died"
