"""Which sweep and which run a caller means who names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.named import latest_run, latest_sweep, sweep_named
from shared.domain.errors import NotFound
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ASweep


def test_the_latest_sweep_is_the_one_created_last(store: Store, a_sweep: ASweep) -> None:
    with pytest.raises(NotFound, match="this store has no sweep yet: start one with `sweepctl run quick`"):
        latest_sweep(store)
    for name in ("b", "a"):
        store.sweeps.create(a_sweep(name=name))
        store.client.zincrby("sweeps", 1 if name == "a" else 0, name)

    assert latest_sweep(store) == "a"
    assert (sweep_named(store, None).name, sweep_named(store, "b").name) == ("a", "b")


def test_the_latest_run_is_the_newest_of_the_latest_sweep(store: Store, a_sweep: ASweep) -> None:
    store.sweeps.create(a_sweep(name="s", created=7))

    assert latest_run(store) == "s.r.7"


def test_a_sweep_without_runs_has_no_latest_run(store: Store, a_sweep: ASweep) -> None:
    store.sweeps.create(a_sweep(name="s"))

    with pytest.raises(NotFound, match="sweep s has no run yet: see `sweepctl status s`"):
        latest_run(store)
    with pytest.raises(NotFound, match="no sweep nobody"):
        sweep_named(store, "nobody")
