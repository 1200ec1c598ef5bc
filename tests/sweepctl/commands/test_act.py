"""The commands that steer a sweep, and what they print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.control.steer import pause_sweep
from shared.domain.run import claim
from shared.domain.sweep import SweepState
from shared.store.store import Store
from tests.sweepctl.conftest import Sweepctl
from tests.sweepctl.test_check import join

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


def test_each_command_prints_the_state_and_what_it_means(store: Store, a_sweep: ASweep, sweepctl: Sweepctl) -> None:
    store.sweeps.create(a_sweep(config={"sim": {"simulations": {}}}))

    paused = sweepctl("pause", REDIS_URL=store.url)
    stopped = (sweepctl("resume"), sweepctl("stop"))[1]

    assert paused.stdout == "sweep s is paused: no new runs start; continue with `sweepctl resume s`\n"
    assert stopped.stdout == "sweep s is stopping: no new runs start; runs in progress continue to their end\n"


def test_resume_names_the_workers_that_are_missing(
    store: Store, a_sweep: ASweep, sweepctl: Sweepctl, tmp_path: Path
) -> None:
    store.sweeps.create(a_sweep(name="p", state=SweepState.PAUSED, config={"sim": {"simulations": {}}}))
    nobody = sweepctl("resume", "p", REDIS_URL=store.url)
    pause_sweep(store, "p")
    join(store, "suggester", "suggest", "results", data_dir=tmp_path)
    join(store, "trainer", "gpu", data_dir=tmp_path)
    everybody = sweepctl("resume", "p", REDIS_URL=store.url)

    assert nobody.stdout.startswith("sweep p is running: new runs start; no suggester and no trainer is running: run `")
    assert everybody.stdout == "sweep p is running: new runs start\n"


def test_a_run_in_progress_is_cancelled_by_its_worker_and_a_waiting_one_at_once(
    store: Store, a_sweep: ASweep, a_run: ARun, sweepctl: Sweepctl
) -> None:
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move("", created=2), [a_run(number=1), a_run(number=2)])
    run = store.runs.get("s.r.2")
    store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)

    waiting, held = sweepctl("cancel", "s.r.1", REDIS_URL=store.url), sweepctl("cancel", "s.r.2")

    assert waiting.stdout == "run s.r.1 is cancelled: it will not be trained\n"
    assert held.stdout == "run s.r.2: cancel requested; its worker ends it at the next heartbeat\n"


def test_the_commands_name_the_command_that_starts_workers_of_this_store(sweepctl: Sweepctl, store: Store) -> None:
    submitted = sweepctl("submit", "quick", "trainer=noop", "sim=none", "sweep_run=s", REDIS_URL=store.url)

    for reported in (submitted, sweepctl("status"), sweepctl("workers")):
        assert "sweepctl up`" in " ".join(reported.stdout.replace("│", " ").split())
        assert "celery" not in reported.stdout
