"""Why a run was suggested, and how accurate its prediction was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.domain.events import Event, RunSuggested
from shared.domain.run import BIRTHS, FINISHED, Prediction, Run
from shared.store.store import Store

SOURCES = {
    "centre": "the search centre: the first suggestion of a sweep",
    "sobol": "fills the space evenly",
    "uniform": "a candidate from the whole space",
    "local": "a candidate around one of the best runs",
    "refined": "the top of a climb from one of the best candidates",
    "feasible": "the likeliest to succeed: no run has a score yet",
    "cheapest": "nothing is predicted to keep below the cost cap",
    "replicate": "the best configuration once more, on another seed: noise hides how good it is",
    "resample": "a repeat of a run on the Pareto front, to learn about noise",
    "repeat": "the space is exhausted",
    "random": "drawn from the whole space",
    "enqueued": "somebody asked for it",
    "grid": "the next combination of the grid",
    "optuna-tpe": "drawn by Optuna's TPE sampler",
    "optuna-gp": "drawn by Optuna's GP sampler",
    "adopted": "it was trained in another sweep, and is scored again here",
}


@dataclass(frozen=True)
class Why:
    """What was known when a run was suggested, and its result."""

    run: Run
    pending: tuple[int, ...]
    observed: int
    reasons: dict[str, float]

    @property
    def prediction(self) -> Prediction:
        """What was expected."""
        return self.run.prediction

    @property
    def score_off(self) -> float | None:
        """How far the score is above the prediction, in standard deviations of the prediction."""
        expected, std = self.prediction.score, self.prediction.score_std
        if self.run.score is None or expected is None or not std:
            return None
        return (self.run.score - expected) / std

    @property
    def cost_ratio(self) -> float | None:
        """The cost, as a multiple of what was predicted."""
        return self.run.cost / self.prediction.cost if self.run.cost and self.prediction.cost else None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "run": self.run.id,
            "state": self.run.state,
            "source": self.prediction.source,
            "meaning": SOURCES.get(self.prediction.source, ""),
            "prediction": self.prediction.model_dump(),
            "reasons": self.reasons,
            "observed_before": self.observed,
            "pending": list(self.pending),
            "score": self.run.score,
            "cost": self.run.cost,
            "score_off": self.score_off,
            "cost_ratio": self.cost_ratio,
        }


def why(store: Store, run_id: str) -> Why:
    """Read from the log of a sweep what was known when the run was suggested. Raises NotFound."""
    run = store.runs.get(run_id)
    suggested: list[int] = []
    ended: list[tuple[int, int, bool]] = []  # position, run, whether it has a score
    for position, kind, number in store.sweeps.outline(run.sweep):
        if kind in BIRTHS and number == run.number:
            ((_, _, event),) = store.sweeps.events_at(run.sweep, [position])
            known, reasons = _knowledge(event, position)
            gone = {number for position, number, _ in ended if position <= known}
            scored = sum(has_score for position, _, has_score in ended if position <= known)
            waiting = tuple(number for number in suggested if number not in gone)
            return Why(run, waiting, scored, reasons)
        if kind in BIRTHS:
            suggested.append(number)
        elif kind == "retried":
            ended = [one for one in ended if one[1] != number]
        elif kind in FINISHED:
            ended.append((position, number, kind == "observed"))
    return Why(run, (), 0, {})  # the log was dropped; the prediction is still in the record


def _knowledge(event: Event, position: int) -> tuple[int, dict[str, float]]:
    """Return the position up to which the optimizer knew the log, and its reasons."""
    if isinstance(event, RunSuggested) and event.seen is not None:
        return event.seen, event.reasons
    return position, {}
