"""Start optuna-dashboard over the store, and say where else a sweep can be looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from shared.domain.errors import ConfigError, Conflict, SweepError
from shared.local.stack import attach
from shared.store.store import Store
from shared.tracking.links import sweep_link

END_SECONDS: Final = 5.0
MOST_LINKS: Final = 5


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that serves: its address, that of the stack's Flower if it has one, and W&B's by sweep."""

    process: subprocess.Popen[str]
    url: str
    flower: str | None
    wandb: dict[str, str]

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait()

    def to_json(self) -> dict[str, Any]:
        """Return the addresses as plain data."""
        return {"url": self.url, "flower": self.flower, "flower_lives": self.flower is not None, "wandb": self.wandb}


@contextmanager
def serve_dashboard(store: Store, names: Sequence[str], *, host: str, port: int, data_dir: Path) -> Iterator[Dashboard]:
    """Yield the dashboard, and end it. No names: all sweeps. `data_dir` is the folder whose stack may have a Flower.

    Raises NotFound, ConfigError for an address that cannot be had and where it is not installed.
    """
    if find_spec("optuna_dashboard") is None or find_spec("optuna") is None:
        raise ConfigError(
            "sweepctl dashboard shows sweeps in optuna-dashboard, which is not installed here: "
            "pip install 'protein-sweeps[dashboard]'"
        )
    sweeps = [store.sweeps.get(name) for name in names or reversed(store.sweeps.names()[-MOST_LINKS:])]
    links = {sweep.name: link for sweep in sweeps if (link := sweep_link(sweep))}
    command = [sys.executable, "-m", "services.dashboard.server", f"--host={host}", f"--port={port}", "--", *names]
    # A process of its own: no command loads Optuna. It ends when its input does, however this one ends.
    with subprocess.Popen(
        command,
        env={**os.environ, "REDIS_URL": store.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise _failure(process)
            yield Dashboard(process, json.loads(line)["url"], flower_of(data_dir, store.url), links)
        finally:
            process.terminate()


def _failure(process: subprocess.Popen[str]) -> SweepError:
    code = process.wait(END_SECONDS)
    assert process.stderr is not None
    said = (process.stderr.read().strip().splitlines() or ["no reason given"])[-1]
    return ConfigError(said) if code == ConfigError.exit_code else SweepError(f"the dashboard ended: {said}")


def flower_of(data_dir: Path, url: str) -> str | None:
    """Return where the Flower of this folder's stack listens; None if no stack at `url` says that it runs one.

    What answers at Flower's usual port may be anybody's.
    """
    try:
        found = attach(data_dir)
    except Conflict:  # another host's
        return None
    if found is None:
        return None
    with found:
        return found.stack.flower if found.stack.url == url else None
