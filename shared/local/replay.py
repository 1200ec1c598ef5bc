"""Let Protein make every suggestion of a sweep again, and compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.control.steps import OnStep
from shared.domain.errors import Conflict
from shared.local.helper_process import helper_process
from shared.store.store import Store


@dataclass
class Replay:
    """The result: what is different now, by run; `untold` are runs of a restored sweep, whose log does not say why."""

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


def replay_sweep(store: Store, name: str, *, on_step: OnStep) -> Replay:
    """Replay a sweep; call `on_step` with (done, of how many) after each suggestion.

    Raises NotFound, Conflict for a sweep whose log was dropped, SweepError when the replay fails.
    """
    sweep = store.sweeps.get(name)
    if sweep.log_dropped:
        raise Conflict(f"the log of sweep {name} was dropped after its retention: there is nothing to replay")
    found = Replay()
    with helper_process("services.suggester.replay", name, url=store.url, called=f"the replay of {name}") as lines:
        for made in lines:
            found.suggestions += 1
            if made["differences"]:
                found.differing[made["run"]] = made["differences"]
            if not made["is_recorded"]:
                found.untold.append(made["run"])
            on_step(found.suggestions, sweep.created)
    return found
