"""Optuna's samplers behind the interface of Protein: a function of what was observed, no run twice at once."""

from __future__ import annotations

import json
import math
import sys
from itertools import pairwise
from statistics import median
from typing import Any, Literal

import pytest

from services.suggester.optuna_search import ATTEMPTS, Method, OptunaSearch
from services.suggester.protein import Suggestion
from shared.domain.errors import ConfigError
from shared.domain.search_space import Params, SearchSpace
from tests.services.suggester.protein.conftest import Outcome, six

__all__ = ["six"]
EACH = pytest.mark.parametrize("method", ["optuna-tpe", pytest.param("optuna-gp", marks=pytest.mark.slow)])
STARTUP = 10  # of Optuna: so many scored runs before a sampler learns
LEAF = {"distribution": "uniform", "min": 0, "max": 1}
Observed = list[tuple[Params, Outcome]]


@pytest.fixture
def three() -> SearchSpace:
    """A number, a whole number and a category."""
    return SearchSpace.from_config(
        {
            "rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
            "layers": {"distribution": "int_uniform", "min": 1, "max": 8},
            "kind": {"distribution": "categorical", "values": ["a", "b"]},
        }
    )


def outcome(params: Params) -> Outcome:
    """A rate that suits the layers is best; with few layers a run fails."""
    if params["layers"] == 1:
        return None, 1.0, True
    return -abs(math.log10(float(params["rate"])) + float(params["layers"])), 1.0, False


def rebuilt(space: SearchSpace, observed: Observed, memory: dict[str, Any] | None, **options: Any) -> OptunaSearch:
    """Return a search that knows what another one knew, after all went through JSON, as the store keeps it."""
    search = OptunaSearch(space, **options)
    for params, (score, cost, failed) in json.loads(json.dumps(observed)):
        search.observe(params, score, cost, failed=failed)
    if memory is not None:
        search.remember(json.loads(json.dumps(memory)))
    return search


def sweep(search: OptunaSearch, *, runs: int, workers: int) -> list[tuple[Suggestion, Observed, list[Params]]]:
    """Return each suggestion of a parallel sweep, with what was observed and pending when it was made."""
    made: list[tuple[Suggestion, Observed, list[Params]]] = []
    observed: Observed = []
    pending: list[Params] = []
    for step in range(runs):
        suggestion = search.suggest(pending)
        made.append((suggestion, list(observed), list(pending)))
        pending.append(suggestion.params)
        if len(pending) == workers:  # they end out of order
            params = pending.pop(step % workers)
            observed.append((params, outcome(params)))
            score, cost, failed = observed[-1][1]
            search.observe(params, score, cost, failed=failed)
    return made


@EACH
def test_a_new_search_continues_to_the_bit_from_any_suggestion_of_a_parallel_sweep(
    three: SearchSpace, method: Method
) -> None:
    options: dict[str, Any] = {"method": method, "seed": 3, "goal": "maximize"}
    made = sweep(OptunaSearch(three, **options), runs=2 * STARTUP, workers=4)

    for (before, _, _), (suggestion, observed, pending) in list(pairwise(made))[::6]:
        memory = dict(before.memory)
        assert rebuilt(three, observed, memory, **options).suggest(pending) == suggestion


@EACH
def test_a_batch_is_what_single_suggestions_give_when_each_joins_the_pending_list(
    three: SearchSpace, method: Method
) -> None:
    first, *others = [made.params for made in OptunaSearch(three, method=method, seed=5).suggest_many(STARTUP + 4)]
    observed = [(params, outcome(params)) for params in others]

    batch = rebuilt(three, observed, None, method=method).suggest_many(3, pending=[first])
    search, pending = rebuilt(three, observed, None, method=method), [first]
    for suggestion in batch:
        assert search.suggest(pending) == suggestion
        pending.append(suggestion.params)


def test_what_was_dropped_from_the_study_neither_grows_nor_matters(three: SearchSpace) -> None:
    options: dict[str, Any] = {"method": "optuna-tpe"}
    search = OptunaSearch(three, **options)
    *earlier, (before, _, _), (last, observed, pending) = sweep(search, runs=60, workers=20)

    assert len(earlier) * 20 > 5 * len(search._study.trials)
    assert len(search._study.trials) < 2 * len(observed) + 2 * ATTEMPTS
    assert rebuilt(three, observed, dict(before.memory), **options).suggest(pending) == last


@pytest.mark.parametrize(("goal", "better"), [("maximize", 1.0), ("minimize", 0.0)])
def test_the_goal_is_what_the_suggestions_move_to(goal: Literal["maximize", "minimize"], better: float) -> None:
    search = OptunaSearch(SearchSpace.from_config({"x": LEAF}), method="optuna-tpe", goal=goal)
    tried = []
    for _ in range(4 * STARTUP):
        tried.append(float(search.suggest().params["x"]))
        search.observe({"x": tried[-1]}, tried[-1], 1.0)

    assert abs(median(tried[-STARTUP:]) - better) < 0.2


def test_runs_in_flight_all_differ_until_the_space_is_exhausted(six: SearchSpace) -> None:
    search = OptunaSearch(six, method="optuna-tpe")
    for number in range(STARTUP):  # it knows where the best one is, and is drawn there
        search.observe({"n": 1 + number % 3, "kind": "ab"[number % 2]}, float(number % 3), 1.0)

    *running, again = search.suggest_many(7)

    assert len({tuple(made.params.values()) for made in running}) == 6
    assert again.source == "repeat"


def test_every_suggestion_meets_the_constraints() -> None:
    space = SearchSpace.from_config({"x": LEAF, "y": LEAF}, constraints=["x + y < 0.2"])
    search = OptunaSearch(space, method="optuna-tpe")
    sources = set()
    for _ in range(2 * STARTUP):
        (made,) = search.suggest_many(1)
        assert space.allows(made.params)
        search.observe(made.params, float(made.params["x"]), 1.0)  # the best ones are not allowed
        sources.add(made.source)

    assert "optuna-tpe" in sources


def test_where_the_sampler_finds_nothing_that_is_allowed_a_uniform_draw_does() -> None:
    space = SearchSpace.from_config({"x": LEAF}, constraints=["x < 0.002"])

    sources = {made.source for made in OptunaSearch(space, method="optuna-tpe").suggest_many(3)}

    assert "uniform" in sources


def test_a_failed_run_is_observed_as_failed_and_gets_no_score(six: SearchSpace) -> None:
    search = OptunaSearch(six, method="optuna-tpe")
    params: Params = {"n": 2, "kind": "b"}

    search.observe(params, 0.5, 1.0)
    search.observe(params, None, 1.0, failed=True)
    search.observe(params, float("nan"), 1.0)

    assert [(trial.state.name, trial.value) for trial in search._study.trials] == [
        ("COMPLETE", 0.5),
        ("FAIL", None),
        ("FAIL", None),
    ]


def test_every_kind_of_parameter_comes_back_from_optuna_as_it_was() -> None:
    space = SearchSpace.from_config(
        {
            "rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
            "batch": {"distribution": "uniform_pow2", "min": 48, "max": 1000},
            "layers": {"distribution": "int_uniform", "min": -3, "max": 8},
            "frames": {"distribution": "int_uniform", "min": 0, "max": 1e9},
            "steps": {"distribution": "log_normal", "min": 1, "max": 1e6, "is_integer": True},
            "gamma": {"distribution": "logit_normal", "min": 0.8, "max": 0.999},
            "flag": {"distribution": "categorical", "values": [True, "1", 2.5]},
            "one": {"distribution": "categorical", "values": ["cpu"]},
        }
    )
    search = OptunaSearch(space, method="optuna-tpe")
    corners = [space.decode([end] * len(space)) for end in (0.0, 1.0)]

    for params in [*corners, *(made.params for made in search.suggest_many(20))]:
        search.observe(params, 1.0, 1.0)
        back = search._decode(search._observed[-1].params)
        assert space.encode(back) == pytest.approx(space.encode(params), abs=1e-12)
        assert [type(value) for value in back.values()] == [type(value) for value in params.values()]


@EACH
def test_scores_and_whole_numbers_without_measure_do_not_end_the_search(method: Method) -> None:
    space = SearchSpace.from_config({"frames": {"distribution": "int_uniform", "min": 0, "max": 1e12}})
    search = OptunaSearch(space, method=method)
    for number in range(STARTUP + 2):
        search.observe({"frames": number}, 1.7e308 * (-1) ** number, 1.0)

    space.validate(search.suggest().params)


def test_params_that_do_not_fit_are_refused(six: SearchSpace) -> None:
    with pytest.raises(ConfigError, match="n is 9"):
        OptunaSearch(six, method="optuna-tpe").observe({"n": 9, "kind": "a"}, 1.0, 1.0)


def test_without_optuna_the_remedy_is_named(six: SearchSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(ConfigError, match=r"Optuna is not installed here; run pip install 'protein-sweeps\[optuna\]'"):
        OptunaSearch(six, method="optuna-gp")
