"""`method: random`: uniform draws from the whole space, with the interface of Protein."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.suggester.protein.suggestion import Memory, Suggestion
from shared.domain.search_space import Params, SearchSpace, Value

ATTEMPTS = 100  # draws before a configuration that was tried is suggested again


class RandomSearch:
    """Suggests at random, never the same configuration twice unless the space is exhausted.

    Suggestion number k is a function of the seed, k, the observed configurations and the pending ones.
    """

    def __init__(self, space: SearchSpace, *, seed: int | None = 0) -> None:
        self.space = space
        self._memory: Memory = {"n": 0}
        if seed is None:
            self._memory["seed"] = int(np.random.SeedSequence().generate_state(1)[0])
        self._seed = seed
        self._tried: set[tuple[Value, ...]] = set()

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Go on after the suggestion that carried `memory`."""
        self._memory = dict(memory)

    def observe(self, params: Mapping[str, Any], score: float | None, cost: float, failed: bool = False) -> None:
        """Take note that `params` were tried; raises ConfigError if they do not fit the space."""
        self._tried.add(tuple(self.space.validate(params).values()))

    def suggest(self, pending: Sequence[Mapping[str, Any]] = ()) -> Suggestion:
        """Return the next suggestion, different from all in `pending`."""
        waiting = {tuple(self.space.validate(params).values()) for params in pending}
        number = int(self._memory["n"])
        seed = self._memory["seed"] if self._seed is None else self._seed
        rng = np.random.default_rng([seed, number])
        params, source = self._draw(rng, waiting)
        self._memory = {**self._memory, "n": number + 1}
        return Suggestion(params, source=source, memory=self._memory)

    def suggest_many(self, n: int, pending: Sequence[Mapping[str, Any]] = ()) -> list[Suggestion]:
        """Return what `n` calls of `suggest` return when each one's params join `pending` for the next."""
        waiting, suggestions = list(pending), []
        for _ in range(n):
            suggestions.append(self.suggest(waiting))
            waiting.append(suggestions[-1].params)
        return suggestions

    def _draw(self, rng: np.random.Generator, waiting: set[tuple[Value, ...]]) -> tuple[Params, str]:
        drawn = [self.space.sample_uniform(rng)]
        while tuple(drawn[-1].values()) in self._tried | waiting:
            if len(drawn) == ATTEMPTS:
                return next((p for p in drawn if tuple(p.values()) not in waiting), drawn[0]), "repeat"
            drawn.append(self.space.sample_uniform(rng))
        return drawn[-1], "random"
