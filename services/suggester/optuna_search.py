"""`method: optuna-tpe | optuna-gp`: samplers of Optuna as baselines, with the interface of Protein.

Optuna sees the unit cube of the search space: categories and discrete values as the number of their cell, other values
as their unit. It gets no cost; of a failed run it only learns that it failed, which these samplers ignore.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from services.suggester.protein import BEGINNING, Suggestion
from services.suggester.protein.threads import one_thread
from shared.config.extras import needs_optuna
from shared.domain.search_space import Parameter, Params, SearchSpace, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Method = Literal["optuna-tpe", "optuna-gp"]
Key = tuple[tuple[str, Value], ...]

DRAWS: Final = 10  # of the sampler; then uniform draws are used
ATTEMPTS: Final = 100  # uniform draws; then a configuration that is already running is suggested again
FINE: Final = 1000  # with more discrete values they count as continuous, because Optuna's GP evaluates all of them
LARGEST: Final = 1e150  # score: the square of a larger one overflows


class OptunaSearch:
    """Suggests what a sampler of Optuna draws, unless it is already running or violates a constraint.

    Suggestion number k is a function of the space, the goal, the seed, k, the observations in their order, and the
    pending runs: it is drawn by its own sampler with the seed (seed, k). A draw that cannot be used counts as a running
    trial until the suggestion is made, so that the next draw is different.
    Raises ConfigError if Optuna is not installed.
    """

    def __init__(
        self, space: SearchSpace, *, method: Method, goal: Literal["maximize", "minimize"] = "maximize", seed: int = 0
    ) -> None:
        try:
            from optuna import logging
        except ImportError:
            raise needs_optuna(method) from None
        logging.set_verbosity(logging.ERROR)
        self.space, self.method = space, method
        self._goal, self._seed = goal, seed
        self._memory: dict[str, Any] = dict(BEGINNING)
        self._distributions = {parameter.path: _distribution(parameter) for parameter in space.parameters}
        self._observed: list[FrozenTrial] = []
        self._new_study()

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Continue after the suggestion with this `memory`."""
        self._memory = dict(memory)

    def observe(
        self, params: Mapping[str, Any], score: float | None, cost: float, failed: bool = False, partial: bool = False
    ) -> None:
        """Learn from a run that ended; ignore partial runs. Raises ConfigError if its params do not fit the space."""
        if partial:
            return
        checked = self.space.validate(params)
        if failed or score is None or not math.isfinite(score):
            trial = self._trial(checked, "FAIL")
        else:
            trial = self._trial(checked, "COMPLETE", value=min(max(score, -LARGEST), LARGEST))
        self._observed.append(trial)
        self._study.add_trial(trial)

    def suggest(self, pending: Sequence[Mapping[str, Any]] = ()) -> Suggestion:
        """Return the next suggestion, different from all in `pending`."""
        return self.suggest_many(1, pending)[0]

    def suggest_many(self, n: int, pending: Sequence[Mapping[str, Any]] = ()) -> list[Suggestion]:
        """Return what `n` calls of `suggest` return if the params of each are pending for the next."""
        self._drop_running(keep=0)
        if self._dropped > len(self._observed) + ATTEMPTS:
            self._new_study()
        waiting: set[Key] = set()
        for params in pending:
            self._run(self.space.validate(params), waiting)
        suggestions = []
        for _ in range(n):
            with one_thread():
                suggestions.append(self._next(waiting))
            self._run(suggestions[-1].params, waiting)
        return suggestions

    def _next(self, waiting: set[Key]) -> Suggestion:
        number, running = int(self._memory["n"]), len(self._running)
        seeds = np.random.SeedSequence([self._seed, number])
        rng = np.random.default_rng(seeds)
        drawn = zip(self._draws(int(seeds.generate_state(1)[0])), repeat(self.method))
        options = chain(drawn, zip(self._uniform(rng), repeat("uniform")))
        new = (option for option in options if _key(option[0]) not in waiting)
        params, source = next(new, None) or (next(self._uniform(rng)), "repeat")
        self._drop_running(keep=running)
        self._memory = {"n": number + 1}
        return Suggestion(params, source=source, memory=self._memory)

    def _draws(self, seed: int) -> Iterator[Params]:
        """Yield the draws of the sampler that the constraints allow; each draw depends on those before."""
        self._study.sampler = _sampler(self.method, seed)
        for _ in range(DRAWS):
            trial = self._study.ask(self._distributions)
            self._running.append(trial.number)
            params = self._decode(trial.params)
            if self.space.allows(params):
                yield params

    def _uniform(self, rng: np.random.Generator) -> Iterator[Params]:
        drawn = (self.space.sample_uniform(rng) for _ in repeat(None))
        return islice(filter(self.space.allows, drawn), ATTEMPTS)

    def _new_study(self) -> None:
        """Create a study with the observations only: a study cannot forget trials that were dropped."""
        from optuna import create_study

        self._study = create_study(direction=self._goal)
        self._study.add_trials(self._observed)
        self._running: list[int] = []
        self._dropped = 0

    def _run(self, params: Params, waiting: set[Key]) -> None:
        """Add a pending run to the study, from its params, as a replay does, and not from the draw."""
        self._study.add_trial(self._trial(params, "RUNNING"))
        self._running.append(len(self._observed) + self._dropped + len(self._running))
        waiting.add(_key(params))

    def _drop_running(self, *, keep: int) -> None:
        from optuna.trial import TrialState

        for number in self._running[keep:]:
            self._study.tell(number, state=TrialState.FAIL)
        self._dropped += len(self._running) - keep
        del self._running[keep:]

    def _trial(self, params: Params, state: str, *, value: float | None = None) -> FrozenTrial:
        from optuna.trial import TrialState, create_trial

        units = zip(self.space.parameters, self.space.encode(params), strict=True)
        params = {parameter.path: _to_optuna(parameter, float(unit)) for parameter, unit in units}
        return create_trial(state=TrialState[state], value=value, params=params, distributions=self._distributions)

    def _decode(self, drawn: Mapping[str, Any]) -> Params:
        return self.space.decode([_to_unit(parameter, drawn[parameter.path]) for parameter in self.space.parameters])


def _sampler(method: Method, seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler, TPESampler

    if method == "optuna-gp":
        return GPSampler(seed=seed)
    return TPESampler(multivariate=True, constant_liar=True, seed=seed)


def _distribution(parameter: Parameter) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if parameter.is_categorical:
        return CategoricalDistribution(range(parameter.cells))
    return IntDistribution(0, parameter.cells - 1) if _has_cells(parameter) else FloatDistribution(0.0, 1.0)


def _to_optuna(parameter: Parameter, unit: float) -> int | float:
    return min(int(unit * parameter.cells), parameter.cells - 1) if _has_cells(parameter) else unit


def _to_unit(parameter: Parameter, value: float) -> float:
    return (value + 0.5) / parameter.cells if _has_cells(parameter) else value


def _has_cells(parameter: Parameter) -> bool:
    return parameter.is_categorical or 0 < parameter.cells <= FINE


def _key(params: Params) -> Key:
    return tuple(params.items())
