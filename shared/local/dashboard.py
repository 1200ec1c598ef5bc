"""Start optuna-dashboard over the store, and say where else a sweep can be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from shared.domain.errors import ConfigError, Conflict
from shared.local.helper_process import HelperProcess, helper_process
from shared.local.stack import attach
from shared.store.store import Store
from shared.tracking.links import sweep_link

MOST_LINKS: Final = 5


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that runs: its address, that of the stack's Flower if it has one, and each sweep's page in W&B."""

    process: HelperProcess
    url: str
    flower: str | None
    wandb: dict[str, str]

    def wait(self) -> int:
        """Wait until it ends, and return its exit code."""
        return self.process.wait()

    def to_json(self) -> dict[str, Any]:
        """Return the addresses as plain data."""
        return {"url": self.url, "flower": self.flower, "flower_lives": self.flower is not None, "wandb": self.wandb}


@contextmanager
def serve_dashboard(store: Store, names: Sequence[str], *, host: str, port: int, data_dir: Path) -> Iterator[Dashboard]:
    """Start a dashboard, and end it with the block.

    Args:
        names: The sweeps to show; none: all.
        host, port: Where it listens.
        data_dir: The folder whose stack may have a Flower.

    Raises:
        NotFound: a sweep does not exist.
        ConfigError: the address cannot be used, or optuna-dashboard is not installed.
    """
    if find_spec("optuna_dashboard") is None or find_spec("optuna") is None:
        raise ConfigError(
            "sweepctl dashboard shows sweeps in optuna-dashboard, which is not installed here: "
            "pip install 'protein-sweeps[dashboard]'"
        )
    sweeps = [store.sweeps.get(name) for name in names or reversed(store.sweeps.names()[-MOST_LINKS:])]
    links = {sweep.name: link for sweep in sweeps if (link := sweep_link(sweep))}
    arguments = (f"--host={host}", f"--port={port}", "--", *names)
    with helper_process("services.dashboard.server", *arguments, url=store.url, called="the dashboard") as helper:
        address = helper.answer()["url"]
        yield Dashboard(helper, address, flower_of(data_dir, store.url), links)


def flower_of(data_dir: Path, url: str) -> str | None:
    """Return where the Flower of this folder's stack listens; None if its stack has none or uses another store.

    A Flower that answers at the usual port may belong to somebody else.
    """
    try:
        found = attach(data_dir)
    except Conflict:  # it runs on another host
        return None
    if found is None:
        return None
    with found:
        return found.stack.flower if found.stack.url == url else None
