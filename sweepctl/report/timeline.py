"""The attempts in the log of a sweep over time: one lane for each slot of a worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from shared.domain.events import LogEntry, RunClaimed, RunDamaged, RunEnded, RunLost, RunReleased, RunTrained

ENDS = RunEnded | RunTrained | RunLost | RunReleased | RunDamaged
WASTED = frozenset({"lost", "released", "damaged", "cancelled"})
SAME_BAR = 0.004
"""Share of the whole time: where there are many attempts, those of one kind with a shorter gap are drawn as one bar."""


@dataclass(frozen=True)
class Span:
    """Work on one run, in seconds since the start of the sweep. `ended` is how it ended, or `in progress`."""

    worker: str
    phase: str  # training or evaluating
    run: int
    attempt: int
    start: float
    end: float
    ended: str = "in progress"
    runs: int = 1  # the number of attempts that are drawn as one bar

    @property
    def is_wasted(self) -> bool:
        """Whether its result was lost, or a part of it."""
        return self.ended in WASTED


@dataclass(frozen=True)
class Usage:
    """How much of the time since its first claim a worker was busy. `places` is the number of its slots in use."""

    worker: str
    places: int
    attempts: int
    busy_seconds: float
    room_seconds: float  # the time of all its slots

    @property
    def share(self) -> float:
        """The share of the time that it was busy."""
        return self.busy_seconds / self.room_seconds if self.room_seconds > 0 else 0.0


@dataclass
class Timeline:
    """The spans of a log, the end of each run, and the last entry, in seconds since the start of the sweep."""

    spans: list[Span] = field(default_factory=list)
    ended: dict[int, float] = field(default_factory=dict)
    until: float = 0.0


def timeline_of(log: Iterable[LogEntry], *, start: float, now: float) -> Timeline:
    """Read the entries of a log; `start` and `now` are seconds since the epoch.

    An attempt in progress lasts until `now`.
    """
    timeline, held = Timeline(), {}
    for _, at_ms, event in log:
        at = max(at_ms / 1000 - start, 0.0)
        timeline.until = max(timeline.until, at)
        if isinstance(event, RunClaimed):
            held[event.run] = Span(event.worker, str(event.state), event.run, event.attempt, at, at)
        elif isinstance(event, ENDS):
            if event.run in held:
                timeline.spans.append(replace(held.pop(event.run), end=at, ended=event.kind))
            if isinstance(event, RunEnded):
                timeline.ended[event.run] = at
    timeline.until = max(timeline.until, now - start) if held else timeline.until
    timeline.spans += [replace(span, end=max(timeline.until, span.start)) for span in held.values()]
    timeline.spans.sort(key=lambda span: (span.start, span.run))
    return timeline


def lanes_of(spans: Sequence[Span]) -> dict[str, list[list[Span]]]:
    """Return for each worker its slots, and for each slot its spans in order of time."""
    workers: dict[str, list[list[Span]]] = {}
    for span in sorted(spans, key=lambda span: span.start):
        lanes = workers.setdefault(span.worker, [])
        free = next((lane for lane in lanes if lane[-1].end <= span.start), None)
        if free is None:
            lanes.append([span])
        else:
            free.append(span)
    return workers


def usage_of(timeline: Timeline) -> list[Usage]:
    """Return how much each worker worked, in the order in which they first claimed a run."""
    found = []
    for worker, lanes in lanes_of(timeline.spans).items():
        spans = [span for lane in lanes for span in lane]
        busy = sum(span.end - span.start for span in spans)
        room = (timeline.until - min(span.start for span in spans)) * len(lanes)
        found.append(Usage(worker, len(lanes), len(spans), busy, room))
    return found


def merged(lane: Sequence[Span], gap: float) -> list[Span]:
    """Return the lane, where neighbours of one kind with less than `gap` seconds between them are one span."""
    found: list[Span] = []
    for span in lane:
        last = found[-1] if found else None
        alike = last is not None and (last.phase, last.is_wasted) == (span.phase, span.is_wasted)
        if last is not None and alike and span.start - last.end < gap:
            found[-1] = replace(last, end=max(last.end, span.end), runs=last.runs + span.runs)
        else:
            found.append(span)
    return found
