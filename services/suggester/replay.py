"""Repeat every suggestion of a sweep from its log, and compare: the same log must give the same ones, to the bit.

`python -m services.suggester.replay SWEEP` prints a line of JSON for each suggestion; `sweepctl replay` runs it,
because Protein needs torch, and commands do not load it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.suggester.advance_sweep import ENQUEUED, prediction_of
from services.suggester.follower import follow
from services.suggester.protein import Suggestion
from shared.domain.errors import SweepError
from shared.domain.events import LogEntry, RunSuggested, SweepSubmitted
from shared.domain.run import Params
from shared.domain.sweep import Sweep
from shared.store.store import open_store

KEPT_LATER = {"noise"}
"""Keys that a later version added to the memory: older logs do not have them."""


@dataclass(frozen=True)
class Replayed:
    """A repeated suggestion, and its differences, each as "what: then ..., now ...".

    `is_recorded` is whether the log says how it was made; after a restore it does not.
    """

    run: int
    differences: tuple[str, ...] = ()
    is_recorded: bool = True


def replay(sweep: Sweep, log: Iterable[LogEntry]) -> Iterator[Replayed]:
    """Yield each suggestion of the log, from its start, repeated. Raises Unreadable."""
    follower = follow(sweep)
    memory: Mapping[str, Any] = {}
    waiting: list[LogEntry] = []  # entries that the follower has not read yet: a suggestion may not know them
    for entry in log:
        match entry.event:
            case RunSuggested(seen=int(seen)) as then:
                while waiting and waiting[0].position <= seen:
                    follower.take(waiting.pop(0))
                batch = [one.event.params for one in waiting if isinstance(one.event, RunSuggested)]
                if then.source != ENQUEUED:
                    (now,) = follower.suggest(1, memory, after=batch)
                    yield Replayed(then.run, _differences(then, now))
                memory = then.memory or {}
            case SweepSubmitted() as born:
                memory = born.memory
            case RunSuggested() as then:
                memory = memory if then.memory is None else then.memory
                yield Replayed(then.run, is_recorded=False)
        waiting.append(entry)


def _differences(then: RunSuggested, now: Suggestion) -> tuple[str, ...]:
    params: Params = now.params
    found = [
        f"{path}: then {then.params.get(path)!r}, now {params.get(path)!r}"
        for path in {**then.params, **params}
        if then.params.get(path) != params.get(path)
    ]
    for name, value in prediction_of(now).model_dump().items():
        if getattr(then, name) != value:
            found.append(f"{name}: then {getattr(then, name)!r}, now {value!r}")
    known = then.memory or {}
    unknown = KEPT_LATER - known.keys()
    memory = {name: value for name, value in now.memory.items() if name not in unknown}
    if json.loads(json.dumps(memory)) != known:
        found.append("memory: the memory for the next suggestion is different")
    return tuple(found)


def main() -> None:
    """Print a line for each suggestion of the named sweep."""
    try:
        store = open_store(os.environ["REDIS_URL"])
        sweep = store.sweeps.get(sys.argv[1])
        for made in replay(sweep, store.sweeps.whole_log(sweep.name)):
            print(
                json.dumps({"run": made.run, "differences": made.differences, "is_recorded": made.is_recorded}),
                flush=True,
            )
    except SweepError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
