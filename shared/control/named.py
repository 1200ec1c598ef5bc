"""Find the sweep or the run that a caller names, or the latest one."""

from __future__ import annotations

from shared.control.stores import Store
from shared.domain.errors import NotFound
from shared.domain.run import run_id
from shared.domain.sweep import Sweep


def sweep_named(store: Store, name: str | None) -> Sweep:
    """Return the sweep `name`; without a name, the latest one. Raises NotFound."""
    return store.sweeps.get(name or latest_sweep(store))


def latest_sweep(store: Store) -> str:
    """Return the name of the latest sweep. Raises NotFound when the store has none."""
    names = store.sweeps.names()
    if not names:
        raise NotFound("this store has no sweep yet: start one with `sweepctl run quick`")
    return names[-1]


def latest_run(store: Store, name: str | None = None) -> str:
    """Return the id of the latest run of a sweep, or of the latest sweep. Raises NotFound."""
    sweep = sweep_named(store, name)
    if not sweep.created:
        raise NotFound(f"sweep {sweep.name} has no run yet: see `sweepctl status {sweep.name}`")
    return run_id(sweep.name, sweep.created)
