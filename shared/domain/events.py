"""The events of a sweep's log: a frozen model for each kind, made from the moves of the records and read here alone.

A log outlives the version that began it. What a newer version wrote is tolerated: a field that this version does not
know is ignored, an event that it cannot read is an `UnknownEvent`. A field that older versions did not write has a
default.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from shared.domain.errors import Unreadable
from shared.domain.run import EarlierPoint, EarlyStop, Frozen, Params, RunState
from shared.domain.sweep import Limits, SweepState


class _Event(BaseModel):
    """What all events have: their kind, and the run that they are about, if any."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    kind: str
    run: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return the event as the log holds it: the fields that were set, in their order."""
        return {"kind": self.kind, **self.model_dump(mode="json", exclude_unset=True)}


class EventOfRun(_Event):
    """What all events of a run have."""

    run: int


class EventOfSweep(_Event):
    """What all events of the sweep have: the state of the sweep after it, and why."""

    state: SweepState
    reason: str = ""


# ------------------------------------------------------------------------------------------------ of a run


class RunSuggested(EventOfRun):
    """A run was born: its parameters, what the optimizer expected, and what it knew."""

    kind: Literal["suggested"] = "suggested"
    params: Params
    source: str
    score: float | None = None
    score_std: float | None = None
    cost: float | None = None
    log_cost_std: float | None = None
    seen: int | None = None  # position of the last event that the optimizer knew; None: brought back by a restore
    memory: dict[str, Any] | None = None  # what it handed to its next suggestion
    reasons: dict[str, float] = {}


class RunAdopted(EventOfRun):
    """A run was born that was trained in another sweep."""

    kind: Literal["adopted"] = "adopted"
    params: Params
    origin: str | None
    step: int
    early_stop: EarlyStop | None = None


class RunClaimed(EventOfRun):
    """A worker took a run: `state` is training or evaluating."""

    kind: Literal["claimed"] = "claimed"
    state: RunState
    attempt: int
    worker: str
    step: int  # of the checkpoint that the work begins with
    code: str | None = None  # how the worker's code differs from that of the submit


class RunCheckpointed(EventOfRun):
    """A training committed a checkpoint."""

    kind: Literal["checkpointed"] = "checkpointed"
    step: int


class RunFellBack(EventOfRun):
    """A training could not read its newest checkpoint and continues from an older one."""

    kind: Literal["fell back"] = "fell back"
    step: int


class RunStoppedEarly(EventOfRun):
    """A run in training was marked to end early."""

    kind: Literal["stopped early"] = "stopped early"
    step: int
    score: float
    cost: float
    of_steps: int | None = None
    why: str


class RunCancelRequested(EventOfRun):
    """Somebody cancelled a run that a worker holds."""

    kind: Literal["cancel requested"] = "cancel requested"


class RunTrained(EventOfRun):
    """A training ended: the run waits for an evaluator."""

    kind: Literal["trained"] = "trained"
    step: int


class RunReleased(EventOfRun):
    """A worker that ends gave its run back."""

    kind: Literal["released"] = "released"
    step: int


class RunLost(EventOfRun):
    """An attempt ended without the worker's doing: its lease expired or its process died."""

    kind: Literal["lost"] = "lost"
    why: str | None


class RunDamaged(EventOfRun):
    """An evaluator could not read the checkpoint to score: the run is trained again from `step`."""

    kind: Literal["damaged"] = "damaged"
    why: str | None
    step: int


class RunObserved(EventOfRun):
    """A run ended with a score."""

    kind: Literal["observed"] = "observed"
    score: float
    cost: float
    trained: Params = {}  # parameters that turned out otherwise than suggested
    earlier: tuple[EarlierPoint, ...] = ()


class RunFailed(EventOfRun):
    """A run ended without a score; `failure` is the kind of it."""

    kind: Literal["failed"] = "failed"
    cost: float | None
    failure: str | None


class RunCancelled(EventOfRun):
    """A run was cancelled."""

    kind: Literal["cancelled"] = "cancelled"


class RunRetried(EventOfRun):
    """A run that ended without a score waits again; `was` and `cost` are what the totals of its sweep lose by that."""

    kind: Literal["retried"] = "retried"
    params: Params
    state: RunState
    step: int
    was: Literal["failed", "cancelled"]
    cost: float


# ------------------------------------------------------------------------------------------------ of the sweep


class EarlierObservation(Frozen):
    """An observation of an earlier sweep, which a new one begins with."""

    params: Params
    score: float | None
    cost: float


class SweepSubmitted(EventOfSweep):
    """The sweep was created, with what it knows from earlier ones."""

    kind: Literal["submitted"] = "submitted"
    observations: tuple[EarlierObservation, ...] = ()
    memory: dict[str, Any] = {}


class SweepPaused(EventOfSweep):
    """No run is claimed until the sweep is resumed."""

    kind: Literal["paused"] = "paused"


class SweepResumed(EventOfSweep):
    """The sweep continues."""

    kind: Literal["resumed"] = "resumed"


class SweepStopping(EventOfSweep):
    """No run is suggested any more."""

    kind: Literal["stopping"] = "stopping"


class SweepFinished(EventOfSweep):
    """All runs ended, and no other one will start."""

    kind: Literal["finished"] = "finished"


class SweepEnqueued(EventOfSweep):
    """A user asked for a run with these parameters."""

    kind: Literal["enqueued"] = "enqueued"
    params: Params


class SweepLimited(EventOfSweep):
    """A user changed the budget."""

    kind: Literal["limited"] = "limited"
    limits: Limits


class SweepReopened(EventOfSweep):
    """A finished sweep continues for a run that is tried again."""

    kind: Literal["reopened"] = "reopened"


class SweepRestored(EventOfSweep):
    """The sweep was rebuilt from its folder."""

    kind: Literal["restored"] = "restored"


# ------------------------------------------------------------------------------------------------ reading

RunMoved = (
    RunSuggested
    | RunAdopted
    | RunClaimed
    | RunCheckpointed
    | RunFellBack
    | RunStoppedEarly
    | RunCancelRequested
    | RunTrained
    | RunReleased
    | RunLost
    | RunDamaged
    | RunObserved
    | RunFailed
    | RunCancelled
    | RunRetried
)
SweepMoved = (
    SweepSubmitted
    | SweepPaused
    | SweepResumed
    | SweepStopping
    | SweepFinished
    | SweepEnqueued
    | SweepLimited
    | SweepReopened
    | SweepRestored
)
RunEnded = RunObserved | RunFailed | RunCancelled
KINDS: Final = frozenset(event.model_fields["kind"].default for event in get_args(RunMoved | SweepMoved))
"""The kinds of events that this version knows."""


class UnknownEvent(_Event):
    """An event that this version cannot read: `body` is all of it."""

    kind: str = "?"
    body: Any = None

    @model_validator(mode="before")
    @classmethod
    def _keep(cls, body: Any) -> dict[str, Any]:
        known = body if isinstance(body, dict) else {}
        run, kind = known.get("run"), known.get("kind")
        known_kind = {"kind": kind} if isinstance(kind, str) else {}
        return {**known_kind, "run": run if isinstance(run, int) else None, "body": body}

    def plain(self) -> dict[str, Any]:
        """Return the event as the log holds it."""
        return self.body if isinstance(self.body, dict) else {"kind": self.kind}


Event = Annotated[
    Annotated[RunMoved | SweepMoved, Field(discriminator="kind")] | UnknownEvent, Field(union_mode="left_to_right")
]


class LogEntry(NamedTuple):
    """One entry of a sweep's log: its number from 1, the server's time (ms), and what happened."""

    position: int
    at_ms: int
    event: Event


def parse_log(text: str) -> list[LogEntry]:
    """Return the entries of a log from a JSON array of [position, at_ms, body]. Raises Unreadable for another text."""
    try:
        return _entries().validate_json(text)
    except ValidationError as error:
        raise Unreadable(f"the log of a sweep cannot be read: {error.errors()[0]['msg'].lower()}") from None


def require_readable(entry: LogEntry) -> None:
    """Raise Unreadable for an event of a kind that this version knows, in a form that it does not know.

    An event of an unknown kind changes nothing that this version computes; this one would.
    """
    if isinstance(entry.event, UnknownEvent) and entry.event.kind in KINDS:
        raise Unreadable(
            f"entry {entry.position} of the log, {entry.event.kind!r}, was written by another version: "
            "install that version"
        )


@functools.cache
def _entries() -> TypeAdapter[list[LogEntry]]:
    return TypeAdapter(list[LogEntry])
