"""Start optuna-dashboard over the store, and say where else a sweep can be looked at."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from shared.domain.errors import ConfigError, SweepError
from shared.store.store import Store
from shared.tracking.links import sweep_link

FLOWER_PORT: Final = 5555
END_SECONDS: Final = 5.0
MOST_LINKS: Final = 5


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that serves: its address, that of Flower and whether it answers, and W&B's by sweep."""

    process: subprocess.Popen[str]
    url: str
    flower: str
    flower_lives: bool
    wandb: dict[str, str]

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait()

    def to_json(self) -> dict[str, Any]:
        """Return the addresses as plain data."""
        return {"url": self.url, "flower": self.flower, "flower_lives": self.flower_lives, "wandb": self.wandb}


@contextmanager
def serve_dashboard(store: Store, names: Sequence[str], *, host: str, port: int) -> Iterator[Dashboard]:
    """Yield the dashboard, and end it. No names: all sweeps.

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
            flower = f"http://127.0.0.1:{FLOWER_PORT}"
            yield Dashboard(process, json.loads(line)["url"], flower, _answers(FLOWER_PORT), links)
        finally:
            process.terminate()


def _failure(process: subprocess.Popen[str]) -> SweepError:
    code = process.wait(END_SECONDS)
    assert process.stderr is not None
    said = (process.stderr.read().strip().splitlines() or ["no reason given"])[-1]
    return ConfigError(said) if code == ConfigError.exit_code else SweepError(f"the dashboard ended: {said}")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
