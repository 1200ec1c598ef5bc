"""End the local stack, and report which runs its workers handed back."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.control.steps import OnMessage, ignore_message
from shared.domain.errors import NotFound, SweepError
from shared.domain.run import LEASED, Run
from shared.local import private_store
from shared.local.stack import END_SECONDS, Stack, end, live_stack
from shared.store.connection import is_private
from shared.store.store import Store, open_store

STORE_ENDS_SECONDS = 5.0


@dataclass(frozen=True)
class Down:
    """What was ended; empty if nothing ran."""

    parts: tuple[str, ...] = ()
    killed: tuple[str, ...] = ()  # the parts that did not end by themselves
    runs: tuple[Run, ...] = ()  # that its workers held, as they are now
    unfinished: tuple[str, ...] = ()  # sweeps that continue with the next workers
    store_ended: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "stopped": list(self.parts),
            "killed": list(self.killed),
            "runs": [
                {"run": run.id, "state": run.state, "step": run.checkpoint.step if run.checkpoint else None}
                for run in self.runs
            ],
            "unfinished": list(self.unfinished),
        }


def bring_down(data_dir: Path, *, on_step: OnMessage = ignore_message) -> Down:
    """End the stack of a data folder, once its workers have handed their runs back.

    Raises SweepError if it does not end.
    """
    found = live_stack(data_dir, patience=END_SECONDS)
    if found is None:
        return Down()
    stack = found.stack
    names = tuple(part.name for part in stack.parts)
    on_step(f"ending {', '.join(names)}; trainings write a checkpoint")
    # Held, so that the store can be read after the workers have ended.
    hold = private_store.attach(data_dir) if is_private(stack.url) else None
    store = open_store(stack.url)
    try:
        held = _held(store, stack)
        ended = end(found)
        runs, unfinished = _now(store, held), _live(store)
    finally:
        store.close()
        if hold:
            hold.release()
    store_ended = hold is None or _has_ended(data_dir)
    return Down(names, ended.killed, tuple(runs), tuple(unfinished), store_ended)


def _held(store: Store, stack: Stack) -> list[str]:
    """Return the ids of the runs that the stack's workers hold."""
    pids = {part.pid for part in stack.parts}
    try:
        live = store.fleet.live()
    except SweepError:  # nothing can be reported, but the stack has to end all the same
        return []
    mine = [worker for worker in live if worker.host == socket.gethostname() and worker.pid in pids]
    announced = sorted({run for worker in mine for run in worker.busy})
    return [run.id for run in _read(store, announced) if run.state in LEASED]  # others have ended since


def _now(store: Store, runs: list[str]) -> list[Run]:
    return [run for run in _read(store, runs) if run.state not in LEASED or run.owner is None]


def _read(store: Store, runs: list[str]) -> list[Run]:
    found = []
    for run in runs:
        try:
            found.append(store.runs.get(run))
        except NotFound:
            continue
        except SweepError:
            break
    return found


def _live(store: Store) -> list[str]:
    try:
        return store.sweeps.live()
    except SweepError:
        return []


def _has_ended(data_dir: Path) -> bool:
    """Whether the private store ended, too: it stays while another command holds it."""
    deadline = time.monotonic() + STORE_ENDS_SECONDS
    while not private_store.ended(data_dir) and time.monotonic() < deadline:
        time.sleep(0.05)
    return private_store.ended(data_dir)
