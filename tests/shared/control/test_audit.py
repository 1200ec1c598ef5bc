"""The audit of what is in the store while others write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.audit import audit_sweep
from shared.domain.run import Run, cancel
from shared.store.fleet import LiveWorker
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep


def test_a_waiting_run_without_a_notification_is_found_once_there_is_a_suggester_to_notify(
    store: Store, a_sweep: ASweep, a_run: ARun
) -> None:
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move("", created=2), [a_run(number=1), a_run(number=2)])
    store.runs.unmark_due(store.runs.get("s.r.2"))
    assert audit_sweep(store, "s").problems == []

    store.fleet.announce(LiveWorker(id="s@h:1", service="suggester", host="h", pid=1, queues=(), slots=1, version="1"))

    assert audit_sweep(store, "s").problems == ["run s.r.2: no worker holds it, and no worker was notified about it"]
    store.runs.mark_due(store.runs.get("s.r.2"))
    assert audit_sweep(store, "s").problems == []


def test_a_sweep_that_moves_on_while_it_is_read_is_read_again(
    store: Store, a_sweep: ASweep, a_run: ARun, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move("", created=1), [a_run(number=1)])
    read_all = store.runs.all
    reads: list[str] = []

    def read_and_let_it_move(name: str) -> list[Run]:
        found = read_all(name)
        if not reads:
            store.runs.commit(found[0], cancel(found[0]))
        reads.append(name)
        return found

    monkeypatch.setattr(store.runs, "all", read_and_let_it_move)

    assert audit_sweep(store, "s").problems == []
    assert len(reads) == 2
