"""Let Protein make every suggestion of a sweep again, and compare."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.domain.errors import Conflict, SweepError
from shared.store.store import Store


@dataclass
class Replay:
    """What came of it: for each run of `differing` what is different now; `untold` runs came back by a restore."""

    suggestions: int = 0
    differing: dict[int, list[str]] = field(default_factory=dict)
    untold: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "ok": not self.differing,
            "suggestions": self.suggestions,
            "differing": [{"run": run, "differences": what} for run, what in self.differing.items()],
            "untold": self.untold,
        }


def replay_sweep(store: Store, name: str, *, tell: Callable[[int, int], None]) -> Replay:
    """Replay a sweep; `tell` hears (done, of how many). Raises NotFound, Conflict without a log, SweepError."""
    sweep = store.sweeps.get(name)
    if sweep.log_dropped:
        raise Conflict(f"the log of sweep {name} was dropped after its retention: there is nothing to replay")
    command = [sys.executable, "-m", "services.suggester.replay", name]
    # A process of its own: Protein needs torch, and no command loads that.
    with subprocess.Popen(
        command,
        env={**os.environ, "REDIS_URL": store.url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        found = Replay()
        for line in child.stdout:
            made = json.loads(line)
            found.suggestions += 1
            if made["differences"]:
                found.differing[made["run"]] = made["differences"]
            if not made["told"]:
                found.untold.append(made["run"])
            tell(found.suggestions, sweep.created)
        said = child.stderr.read()
    if child.returncode:
        raise SweepError(f"the replay of {name} ended: {(said.strip().splitlines() or ['no reason given'])[-1]}")
    return found
