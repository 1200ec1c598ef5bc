"""Protein: cost-aware Bayesian optimization of a sweep, as a function of its observations.

    suggestion = f(space, settings, goal, seed; observations, memory of the last suggestion, pending)

There is no other state: a new Protein with the same observations in the same order, the memory of the previous
suggestion and the same pending list suggests the same, to the bit (float64, equal packages, any number of threads).
Every suggestion draws from its own random stream, numbered by how many suggestions were made before it.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from services.suggester.protein import candidates, fitting, noise, replicates
from services.suggester.protein.acquisition import Acquisition
from services.suggester.protein.fitting import Evidence
from services.suggester.protein.length import Length
from services.suggester.protein.log_cost import LogCost
from services.suggester.protein.observations import Observations
from services.suggester.protein.replicates import Tried
from services.suggester.protein.suggestion import BEGINNING, Memory, Suggestion
from services.suggester.protein.surrogate import Surrogate
from services.suggester.protein.threads import one_thread
from shared.config.protein import ProteinSettings
from shared.domain.parameter import Key, key_of
from shared.domain.pareto import pareto_order
from shared.domain.search_space import Params, SearchSpace
from shared.domain.wording import wrong_value

Array = NDArray[np.float64]
Keys = set[Key]

COST_WEIGHT: Final = 1.3  # the weight of log cost is drawn from 0 to this
SPENT_SHARE: Final = 0.08  # the next run may cost at most this share of the cost of all runs so far,
TYPICAL_TIMES: Final = 2.0  # or at most this many times the cost of the median run
CENTRES: Final = 5  # good points around which candidates are drawn, and candidates that are refined
CLIMB_STEPS: Final = 24
MOST_REDRAWS: Final = 20  # of the candidates from the whole space, if constraints remove most of them
LARGE: Final = 400  # with more observations than this, the ascent has half as many steps
LARGEST_FLOAT: Final = 1.7e308


class UnusableCost(UserWarning):
    """The cost of an observed run is not a positive number: the cost surrogate cannot learn from it."""


class Protein:
    """Suggests the parameters of the next run: cost-aware Bayesian optimization, without workers and without a store.

    Suggestions depend only on the arguments, the observations in their order, the memory of the last suggestion, and
    the pending runs: the same again gives the same suggestion.

    Args:
        space: The search space.
        goal: Whether to `"maximize"` or `"minimize"` the score.
        settings: The settings, as below `protein:` in the config of a sweep; the defaults if left out.
        seed: The seed of all random choices; with None one is drawn and kept in the memory.

    Raises:
        ConfigError: The goal or a setting cannot be used.

    Example:
        ```python
        space = ps.SearchSpace.from_config({"lr": ps.log_uniform(1e-5, 1e-1), "layers": ps.choice([1, 2, 4])})
        optimizer = ps.Protein(space, goal="maximize", seed=0)
        for _ in range(20):
            params = optimizer.suggest().params
            score, seconds = train(**params)
            optimizer.observe(params, score=score, cost=seconds)
        ```
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        goal: Literal["maximize", "minimize"] | str = "maximize",
        settings: Mapping[str, Any] | ProteinSettings | None = None,
        seed: int | None = 0,
    ) -> None:
        if goal not in ("maximize", "minimize"):
            raise wrong_value("goal", goal, "maximize or minimize")
        self.space = space
        self.settings = (
            settings if isinstance(settings, ProteinSettings) else ProteinSettings.from_config(settings or {})
        )
        self._sign = -1.0 if goal == "maximize" else 1.0  # a loss from here on; nothing below knows the goal
        self._seed = seed
        self._cube = candidates.Cube(space, self.settings.cost_path)
        self._observations = Observations()
        self._memory: Memory = dict(BEGINNING)
        if seed is None:
            self._memory["seed"] = int(np.random.SeedSequence().generate_state(1)[0])

    @property
    def notes(self) -> tuple[str, ...]:
        """Settings that have no effect on this space, one sentence for each."""
        path = self.settings.cost_path
        if path is None or path in self.space.paths:
            return self.settings.notes()
        return (*self.settings.notes(), f"protein.cost_param has no effect: {path} is not a parameter of this sweep")

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Continue after an earlier suggestion, for example in another process. Observe the same runs first.

        Args:
            memory: The `memory` of that suggestion.
        """
        self._memory = dict(memory)

    def observe(
        self, params: Mapping[str, Any], score: float | None, cost: float, failed: bool = False, partial: bool = False
    ) -> None:
        """Add a finished run. It need not be one that was suggested.

        Args:
            params: The parameters of the run, by dotted path.
            score: The score. A run without a finite score counts as failed.
            cost: What the run consumed, above 0, in the same unit for all runs. Another value is ignored with a warning
                (`UnusableCost`).
            failed: Whether the run failed. The optimizer learns where runs fail.
            partial: Whether this is a point on the curve of a run that is observed, too: a shorter run. It improves
                the predictions but does not count as a run.

        Raises:
            ConfigError: The parameters do not fit the space.
        """
        checked = self.space.validate(params)
        loss = None if failed or score is None else self._sign * float(score)
        if not (math.isfinite(cost) and cost > 0):
            warnings.warn(f"cost {cost} is not a positive number: the cost surrogate ignores it", UnusableCost, 2)
        self._observations.add(checked, self.space.encode(checked), loss=loss, cost=cost, partial=partial)

    def suggest_many(self, n: int, pending: Sequence[Mapping[str, Any]] = ()) -> list[Suggestion]:
        """Return `n` suggestions from one fit, for runs in parallel.

        They are equal to those of `n` calls of `suggest` that each add their params to `pending` for the next one.

        Args:
            n: The number of suggestions.
            pending: The parameters of runs that were suggested and are not yet observed.

        Returns:
            The suggestions, in order.

        Raises:
            ConfigError: Pending parameters do not fit the space.

        Example:
            ```python
            batch = optimizer.suggest_many(4)
            ```
        """
        waiting, suggestions = list(pending), []
        for _ in range(n):
            suggestions.append(self.suggest(waiting))
            waiting.append(suggestions[-1].params)
        return suggestions

    def suggest(self, pending: Sequence[Mapping[str, Any]] = ()) -> Suggestion:
        """Return the next suggestion.

        Args:
            pending: The parameters of runs that were suggested and are not yet observed.

        Returns:
            The suggestion. It differs from all pending and observed runs, unless the space is exhausted or a repetition
            is worth more (`Suggestion.source`).

        Raises:
            ConfigError: Pending parameters do not fit the space.
        """
        waiting = [self.space.validate(params) for params in pending]
        number = int(self._memory["n"])
        rng = np.random.default_rng([self._root_seed(), number])
        known = self._observations.runs
        if max(number, known + len(waiting)) < self.settings.num_random_samples or not known:
            suggestion = self._first(number, waiting, rng)
        else:
            with one_thread():
                suggestion = _Search(self, waiting, rng, number).suggestion()
        self._memory = dict(suggestion.memory)
        return suggestion

    def _first(self, number: int, waiting: list[Params], rng: np.random.Generator) -> Suggestion:
        """Suggest one of the first points, before there is anything to learn from."""
        short = self._cube.length if self.settings.cost_aware else None
        running = {key_of(params) for params in waiting}
        if self.settings.seed_with_search_center and number == 0:
            centre = self._centre(short)
            if key_of(centre) not in self._observations.keys | running and self.space.allows(centre):
                return Suggestion(centre, source="centre", memory={**self._memory, "n": number + 1})
        seed = int(np.random.default_rng([self._root_seed(), 1]).integers(2**31))
        spread = (
            candidates.DESIGN_SPREAD if number < self.settings.num_random_samples else 1.0
        )  # more workers than first points
        point = candidates.design_point(self._cube, seed=seed, index=number, short=short, spread=spread)
        params, place = _first_new(self.space, [point, *self._pool(rng)], self._observations.keys, running)
        source = {0: "sobol", None: "repeat"}.get(place, "uniform")
        return Suggestion(params, source=source, memory={**self._memory, "n": number + 1})

    def _centre(self, short: Length | None) -> Params:
        """Return the search centre, with the shortest length of a run."""
        shortest = [] if short is None else [self.space.parameters[short.index]]
        return self.space.completed({parameter.path: parameter.decode(0.0) for parameter in shortest})

    def _pool(self, rng: np.random.Generator) -> Array:
        """Return candidates from the whole space as units (m, d): all configurations if the space is small."""
        if self.space.size <= candidates.SMALL_SPACE:
            return self._legal(rng.permutation(candidates.everything(self.space)))
        wanted = self.settings.random_suggestions
        pool = self._legal(self.space.snap(rng.random((wanted, len(self.space)))))
        for draw in itertools.count():
            if len(pool) >= wanted or (draw >= MOST_REDRAWS and len(pool)):
                break
            pool = np.concatenate([pool, self._legal(self.space.snap(rng.random((wanted, len(self.space)))))])
        return pool[:wanted]

    def _legal(self, units: Array) -> Array:
        """Return those of units (m, d) that meet the constraints."""
        if not self.space.constraints:
            return units
        return units[[self.space.allows(self.space.decode(unit)) for unit in units]]

    def _root_seed(self) -> int:
        return int(self._memory["seed"] if self._seed is None else self._seed)


class _Search:
    """Makes one suggestion of a Protein that has observations: fits surrogates, ranks candidates, chooses."""

    def __init__(self, protein: Protein, waiting: list[Params], rng: np.random.Generator, number: int) -> None:
        self.protein, self.rng, self.number = protein, rng, number
        self.settings, self.cube, self.space = protein.settings, protein._cube, protein.space
        self.observations = protein._observations
        self.waiting_keys = {key_of(params) for params in waiting}
        self.evidence = Evidence.of(self.observations, self.cube, most=self.settings.gp_max_obs)
        self.memory: Memory = {**protein._memory, "n": number + 1}
        known = len(self.observations)
        due = bool(self.cube.owners) and fitting.is_due(known, self.memory)
        if due:
            self.memory |= fitting.refit(self.evidence, self.cube, self.memory, observed=known)
        self.waiting_units = np.array([self.space.encode(params) for params in waiting]).reshape(-1, len(self.space))
        pending = self.cube.features(self.waiting_units) if waiting else None
        self.loss = self._surrogate("loss", pending)
        if due:
            self.memory["noise"] = self._noise()
        self.cost = self._log_cost()
        self.success = self._surrogate("success")

    def _surrogate(self, name: str, pending: Array | None = None) -> Surrogate | None:
        if not self.cube.owners:
            return None
        return fitting.surrogate(getattr(self.evidence, name), self.cube, self.memory.get(name), pending=pending)

    def _log_cost(self) -> LogCost | None:
        rate = self._surrogate("cost")
        if rate is None or self.evidence.cost is None:
            return None
        return LogCost(rate, self.evidence.cost.standard, self.cube)

    def _noise(self) -> list[float] | None:
        """Return the estimate of the noise, in the unit of the scores."""
        if self.loss is None or self.evidence.loss is None:
            return None
        spread = float(np.std(self.evidence.loss.targets)) * self.evidence.loss.standard.spread
        return noise.noise_of(self.loss, spread=_finite(spread * self.observations.loss_unit))

    def suggestion(self) -> Suggestion:
        again = self._resampled()
        if again is not None:
            return self._answer(again, "resample")
        acquisition = self._acquisition()
        units, sources = self._candidates()
        rank = acquisition(self.cube.features(units)) if self.cube.owners else np.zeros(len(units))
        if np.isneginf(rank).all() and self.cost is not None:
            rank, sources = -self.cost.mean(self.cube.features(units)), ["cheapest"] * len(units)
        else:
            units, rank, sources = self._refined(acquisition, units, rank, sources)
        order = np.argsort(-rank, kind="stable")
        params, place = _first_new(self.space, units[order], self.observations.keys, self.waiting_keys)
        return self._replicate(acquisition, instead_of=params) or self._answer(
            params, "repeat" if place is None else sources[order[place]], acquisition
        )

    def _replicate(self, acquisition: Acquisition, *, instead_of: Params) -> Suggestion | None:
        """Suggest the best configuration again if its expected gain is higher than that of `instead_of`."""
        known = self.memory.get("noise")
        if self.settings.max_replicates == 1 or self.loss is None or not known or not known[0]:
            return None
        whole = ~np.array(self.observations.partial)
        units, losses = np.array(self.observations.units)[whole], np.array(self.observations.losses)[whole]
        tried = Tried.of(units, losses, self.waiting_units)
        units, runs = tried.units[tried.scored], tried.runs[tried.scored]
        features = self.cube.features(units)
        order = replicates.best_and_rivals(self.loss, features)
        if len(order) < 2 or runs[order[0]] >= self.settings.max_replicates or not tried.has_room:
            return None
        candidate = self.cube.features(self.space.encode(instead_of)[None])
        gains = replicates.gains(self.loss, features[order], candidate)
        besides = replace(acquisition, loss=None)  # only the chance of success and the cost, for both
        again, new = besides(np.concatenate([features[order[:1]], candidate]))
        if gains is None or not gains.again + again > gains.new + new:
            return None
        reasons = {"log_gain_again": gains.again, "log_gain_new": gains.new}
        return self._answer(self.space.decode(units[order[0]]), "replicate", reasons=reasons)

    def _acquisition(self) -> Acquisition:
        settings = self.settings
        weight = self.rng.uniform(0, COST_WEIGHT)
        optimism = {"ei": None, "naive": 0.0, "ucb": settings.ucb_beta}[settings.acquisition_fn]
        if settings.randomize_acquisition and optimism is not None:
            optimism = self.rng.uniform(0, 2 * optimism)
        cap = math.inf if settings.max_suggestion_cost is None else math.log(settings.max_suggestion_cost)
        if settings.cost_aware:
            cap = min(cap, self._log_affordable())
        incumbent = 0.0
        if (
            self.loss is not None
        ):  # with pending points at their mean: otherwise all workers would aim just below one point
            incumbent = float(self.loss.mean(self.loss.points).min())
        cost_weight = weight if settings.cost_aware else 0.0
        return Acquisition(self.loss, incumbent, self.cost, self.success, cost_weight, cap, optimism)

    def _log_affordable(self) -> float:
        """Return the log of the most that the next run may cost: a share of the cost of all runs so far.

        So no single run uses up a budget, and long runs come after short ones. If runs cost about the same, it excludes
        none.
        """
        log_costs = np.array(self.observations.log_costs)
        known = log_costs[np.isfinite(log_costs) & ~np.array(self.observations.partial)]
        if not len(known):
            return math.inf
        spent = float(np.logaddexp.reduce(known))
        return max(math.log(SPENT_SHARE) + spent, math.log(TYPICAL_TIMES) + float(np.median(known)))

    def _candidates(self) -> tuple[Array, list[str]]:
        pool = self.protein._pool(self.rng)
        sources = ["uniform" if self.loss is not None else "feasible"] * len(pool)
        each = self.settings.suggestions_per_pareto
        if self.loss is None or not each or self.space.size <= candidates.SMALL_SPACE:
            return pool, sources
        scale = self.settings.global_search_scale
        local = self.protein._legal(candidates.around(self.cube, self.rng, self._good_points(), each=each, scale=scale))
        return np.concatenate([pool, local]), sources + ["local"] * len(local)

    def _good_points(self) -> Array:
        """Return the configurations with the best posterior means, as units (c, d)."""
        units = np.array(self.observations.units)[np.isfinite(self.observations.losses)]
        assert self.loss is not None
        mean = self.loss.mean(self.cube.features(units))
        ordered = units[np.argsort(mean, kind="stable")]
        _, first = np.unique(ordered, axis=0, return_index=True)
        return ordered[np.sort(first)[:CENTRES]]

    def _refined(
        self, acquisition: Acquisition, units: Array, rank: Array, sources: list[str]
    ) -> tuple[Array, Array, list[str]]:
        """Add the points that an ascent from the best candidates finds."""
        if self.loss is None or not self.cube.owners or self.space.size <= candidates.SMALL_SPACE:
            return units, rank, sources
        best = units[np.argsort(-rank, kind="stable")[:CENTRES]]
        steps = CLIMB_STEPS if len(self.observations) <= LARGE else CLIMB_STEPS // 2
        climbed = self.space.snap(candidates.climb(self.cube, acquisition, best, steps=steps))
        found = acquisition(self.cube.features(climbed))
        return np.concatenate([climbed, units]), np.concatenate([found, rank]), ["refined"] * len(climbed) + sources

    def _resampled(self) -> Params | None:
        """Return a point of the Pareto front that is not running, every `resample_frequency` suggestions."""
        every = self.settings.resample_frequency
        if not every or (self.number + 1) % every or not self.observations.scored:
            return None
        losses, log_costs = np.array(self.observations.losses), np.array(self.observations.log_costs)
        whole = ~np.array(self.observations.partial)
        usable = np.nonzero(np.isfinite(losses) & np.isfinite(log_costs) & whole)[0]
        front = usable[pareto_order((-losses[usable]).tolist(), log_costs[usable].tolist())]
        options = [self.space.decode(self.observations.units[i]) for i in self.rng.permutation(front)]
        return next((params for params in options if key_of(params) not in self.waiting_keys), None)

    def _answer(
        self,
        params: Params,
        source: str,
        acquisition: Acquisition | None = None,
        *,
        reasons: Mapping[str, float] | None = None,
    ) -> Suggestion:
        features = self.cube.features(self.space.encode(params)[None])
        score = cost = std = cost_std = None
        if self.loss is not None and self.evidence.loss is not None:
            (mean,), (spread,) = self.loss.predict(features)
            unit = self.observations.loss_unit
            standard = self.evidence.loss.standard
            score = _finite(self.protein._sign * standard.back(float(mean)) * unit)
            std = _finite(float(spread) * standard.spread * unit)
        if self.cost is not None:
            cost = math.exp(min(max(float(self.cost.mean(features)[0]), -700.0), 700.0))
            cost_std = _finite(float(self.cost.std(features)[0]))
        terms = acquisition.terms(features) if acquisition is not None and self.cube.owners else reasons or {}
        finite_terms = {name: _finite(value) for name, value in terms.items()}
        return Suggestion(params, score, cost, std, cost_std, source, finite_terms, self.memory)


def _first_new(
    space: SearchSpace, units: Sequence[Array] | Array, observed: Keys, running: Keys
) -> tuple[Params, int | None]:
    """Return the first candidate that is legal and neither observed nor running, and its index.

    If there is none, the index is None, and the candidate is the first legal one that is not running, else the first.
    """
    again: Params | None = None
    legal: Params | None = None
    for place, unit in enumerate(units):
        params = space.decode(unit)
        key = key_of(params)
        if not space.allows(params):
            continue
        legal = legal or params
        if key not in observed and key not in running:
            return params, place
        if again is None and key not in running:
            again = params
    return again or legal or space.decode(units[0]), None


def _finite(value: float) -> float:
    return min(max(value, -LARGEST_FLOAT), LARGEST_FLOAT)
