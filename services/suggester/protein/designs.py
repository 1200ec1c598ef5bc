"""`method: random | sobol | grid`: baselines that do not learn, with the interface of Protein."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from services.suggester.protein import candidates
from services.suggester.protein.suggestion import BEGINNING, Memory, Suggestion
from shared.domain.grid import Grid
from shared.domain.parameter import Key, Params, key_of
from shared.domain.search_space import SearchSpace

ATTEMPTS = 100  # so many points are drawn before a configuration is suggested again


class Design(ABC):
    """Suggests points that do not depend on scores, and none twice unless the space is exhausted.

    Suggestion number k is a function of the seed, k, the observed configurations and the pending ones.
    """

    name: str

    def __init__(self, space: SearchSpace, *, seed: int | None = 0) -> None:
        self.space = space
        self._memory: Memory = dict(BEGINNING)
        if seed is None:
            self._memory["seed"] = int(np.random.SeedSequence().generate_state(1)[0])
        self._seed = seed
        self._tried: set[Key] = set()

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Continue after the suggestion with this `memory`."""
        self._memory = dict(memory)

    def observe(
        self, params: Mapping[str, Any], score: float | None, cost: float, failed: bool = False, partial: bool = False
    ) -> None:
        """Note that `params` were tried; raise ConfigError if they do not fit the space."""
        if not partial:
            self._tried.add(key_of(self.space.validate(params)))

    def suggest(self, pending: Sequence[Mapping[str, Any]] = ()) -> Suggestion:
        """Return the next suggestion, different from all in `pending`."""
        waiting = {key_of(self.space.validate(params)) for params in pending}
        number = int(self._memory["n"])
        seed = int(self._memory["seed"] if self._seed is None else self._seed)
        params, source = self._first_new(self._points(number, seed), waiting)
        self._memory = {**self._memory, "n": number + 1}
        return Suggestion(params, source=source, memory=self._memory)

    def suggest_many(self, n: int, pending: Sequence[Mapping[str, Any]] = ()) -> list[Suggestion]:
        """Return what `n` calls of `suggest` return if each adds its params to `pending` for the next."""
        waiting, suggestions = list(pending), []
        for _ in range(n):
            suggestions.append(self.suggest(waiting))
            waiting.append(suggestions[-1].params)
        return suggestions

    @abstractmethod
    def _points(self, number: int, seed: int) -> Iterator[Params]:
        """Yield the possible params of suggestion `number`, the best first."""

    def _first_new(self, points: Iterator[Params], waiting: set[Key]) -> tuple[Params, str]:
        drawn: list[Params] = []
        for params in islice(filter(self.space.allows, points), ATTEMPTS):
            drawn.append(params)
            if key_of(params) not in self._tried | waiting:
                return params, self.name
        return next((params for params in drawn if key_of(params) not in waiting), drawn[0]), "repeat"


class RandomSearch(Design):
    """Uniform draws from the whole space."""

    name = "random"

    def _points(self, number: int, seed: int) -> Iterator[Params]:
        rng = np.random.default_rng([seed, number])
        while True:
            yield self.space.sample_uniform(rng)


class SobolSearch(Design):
    """The points of a scrambled Sobol sequence (Owen, 1995): they cover the space evenly, even a few of them."""

    name = "sobol"

    def _points(self, number: int, seed: int) -> Iterator[Params]:
        cube = candidates.Cube(self.space, None)
        while True:
            yield self.space.decode(candidates.design_point(cube, seed=seed, index=number, spread=1.0))
            number += 1


class GridSearch(Design):
    """All combinations of a few values of each parameter, in a random order: a part of them covers the space."""

    name = "grid"

    def __init__(self, space: SearchSpace, *, points: int, seed: int | None = 0) -> None:
        super().__init__(space, seed=seed)
        self.grid = Grid(space, points=points)

    def _points(self, number: int, seed: int) -> Iterator[Params]:
        order = np.random.default_rng(seed).permutation(self.grid.size)
        for place in range(self.grid.size):
            yield self.grid[int(order[(number + place) % self.grid.size])]
