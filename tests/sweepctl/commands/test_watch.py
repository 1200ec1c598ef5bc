"""A sweep that is watched without a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from shared.control.watching import Watch
from shared.domain.sweep import SweepState
from shared.store.store import Store
from sweepctl.commands.watch import print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import ASweep

MISSING = "no suggester and no trainer is running: run `sweepctl up`, or `sweepctl run` with the same config"


@pytest.mark.parametrize("as_json", [False, True])
def test_at_once_it_prints_the_state_of_the_sweep_and_what_is_missing(
    store: Store, a_sweep: ASweep, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    config = {"runs_dir": "/data", "cost": "seconds", "sweep": {"metric": "reward"}, "sim": {"simulations": {}}}
    sweep = store.sweeps.create(a_sweep(config=config, limits={"max_runs": 5}))
    over = sweep.move("finished", state=SweepState.FINISHED, reason="stopped by hand")
    monkeypatch.setattr("sweepctl.commands.watch.time.sleep", lambda _: store.sweeps.commit(sweep, over))

    @contextmanager
    def open_it() -> Iterator[Store]:
        yield store

    watch = Watch(open_it, "s")
    print_lines(watch, watch.look(), as_json=as_json)

    reported = capsys.readouterr().out.splitlines()
    assert reported == (
        [] if as_json else ["sweep s is running, 0 of 5 runs done", MISSING, "sweep s is finished: stopped by hand"]
    )
