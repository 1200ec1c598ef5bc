"""Drop the logs of sweeps that finished long ago: the records of their runs stay, with scores and costs."""

from __future__ import annotations

import logging

from shared.domain.errors import NotFound, Stale, Unreadable
from shared.domain.sweep import drop_log
from shared.store.store import Store

log = logging.getLogger(__name__)
LOOK_SECONDS = 600.0
DAY_SECONDS = 86_400.0


def drop_old_logs(store: Store, *, days: float) -> None:
    """Drop the log of each sweep that finished `days` ago, after its tracker is up to date."""
    busy = {*store.sweeps.live(), *store.sweeps.tracked()}
    for name in store.sweeps.names():
        if name not in busy:
            try:
                _drop_if_old(store, name, days=days)
            except (NotFound, Stale, Unreadable) as reason:
                log.info("sweep %s: its log is kept: %s", name, reason)


def _drop_if_old(store: Store, name: str, *, days: float) -> None:
    sweep, last = store.sweeps.get(name), store.sweeps.last_event(name)
    if not sweep.is_finished or last is None or store.sweeps.now() - last.at_ms / 1000 < days * DAY_SECONDS:
        return
    if not sweep.log_dropped:
        store.sweeps.commit(sweep, drop_log(sweep))  # first, so that readers of the log know why it is short
        log.info("sweep %s: finished more than %g days ago: its log is dropped", name, days)
    store.sweeps.drop_log(name)
