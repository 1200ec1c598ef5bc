"""When the best configuration is run again, and that it pays by the account of the surrogate."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from services.suggester.protein import Protein, Suggestion
from services.suggester.protein.replicates import SHARE, Tried, best_and_rivals, gains
from services.suggester.protein.surrogate import Surrogate
from shared.domain.search_space import SearchSpace

OWNERS = (0,)
NAN = math.nan


def surrogate(xs: list[float], losses: list[float], *, noise: float, pending: list[float] | None = None) -> Surrogate:
    """A surrogate of output scale 1 whose configurations, 0.5 apart, have nothing to do with each other."""
    theta = np.array([math.log(0.02), 0.0, 2 * math.log(noise)])
    waiting = None if pending is None else np.array(pending)[:, None]
    return Surrogate(np.array(xs)[:, None], OWNERS, np.array(losses), theta, pending=waiting)


def at(*xs: float) -> np.ndarray:
    return np.array(xs)[:, None]


# ------------------------------------------------------------------------------------------------ the account


def test_the_gain_is_the_expected_fall_of_the_best_mean_after_one_more_run() -> None:
    loss = surrogate([0.0, 0.5], [-0.6, -0.5], noise=0.7)
    (mean, _), covariance = loss.joint(at(0.0, 0.5))
    draws = np.random.default_rng(0).standard_normal(200_000)
    # What one more run at the best makes of its mean: a normal number around it.
    after = mean + draws * covariance[0, 0] / math.sqrt(covariance[0, 0] + loss.noise)
    other = loss.mean(at(0.5))[0]

    found = gains(loss, at(0.0, 0.5), at(1.0))

    assert found is not None
    assert math.exp(found.again) == pytest.approx((min(mean, other) - np.minimum(after, other)).mean(), rel=0.02)


def test_the_gain_of_a_new_candidate_counts_the_noise_of_its_run_too() -> None:
    clear, noisy = (gains(surrogate([0.0, 0.5], [-0.6, -0.5], noise=n), at(0.0, 0.5), at(1.0)) for n in (0.3, 1.5))

    assert clear is not None
    assert noisy is not None
    assert noisy.new < clear.new


def test_a_best_that_is_clearly_better_than_every_rival_is_not_run_again() -> None:
    assert gains(surrogate([0.0, 0.5], [-3.0, 1.0], noise=0.2), at(0.0, 0.5), at(1.0)) is None


def test_a_pending_run_of_the_best_leaves_little_to_gain_from_another() -> None:
    alone = gains(surrogate([0.0, 0.5], [-0.6, -0.5], noise=0.7), at(0.0, 0.5), at(1.0))
    waiting = gains(surrogate([0.0, 0.5], [-0.6, -0.5], noise=0.7, pending=[0.0]), at(0.0, 0.5), at(1.0))

    assert alone is not None
    assert waiting is not None
    assert waiting.again < alone.again - 5


def test_a_neighbour_that_must_be_as_good_is_no_reason_to_run_again() -> None:
    far = gains(surrogate([0.0, 0.5], [-0.6, -0.5], noise=0.7), at(0.0, 0.5), at(1.0))
    near = gains(surrogate([0.0, 0.0001], [-0.6, -0.5], noise=0.7), at(0.0, 0.0001), at(1.0))

    assert far is not None
    assert near is not None
    assert near.again < far.again - 1


def test_rivals_are_ordered_by_their_means_the_best_first() -> None:
    assert list(best_and_rivals(surrogate([0.0, 0.5, 1.0], [1.0, -1.0, 0.0], noise=0.1), at(0.0, 0.5, 1.0))) == [
        1,
        2,
        0,
    ]


# ------------------------------------------------------------------------------------------------ what was tried


def test_runs_of_a_configuration_are_counted_with_those_that_failed_or_wait() -> None:
    tried = Tried.of(at(0.1, 0.2, 0.1, 0.3, 0.2), np.array([1.0, 2.0, 3.0, NAN, NAN]), at(0.1, 0.9))

    assert tried.units[:, 0].tolist() == [0.1, 0.2, 0.3, 0.9]
    assert tried.runs.tolist() == [3, 2, 1, 1]
    assert tried.scored.tolist() == [True, False, False, False], "one that failed is not worth another run"


def test_repetitions_keep_to_their_share_of_the_runs() -> None:
    def room(distinct: int, repetitions: int) -> bool:
        units = at(*range(distinct), *([0.0] * repetitions))
        return Tried.of(units, np.zeros(len(units)), np.empty((0, 1))).has_room

    assert room(10, 3)
    assert not room(10, 5)
    assert all((r + 1) / (10 + r + 1) <= SHARE for r in range(10) if room(10, r))


# ------------------------------------------------------------------------------------------------ in a search


def search(line: SearchSpace, *, noise: float, runs: int = 10, **settings: Any) -> tuple[Protein, list[Suggestion]]:
    """A hill of which 20 runs are known, and the suggestions that follow."""
    protein = Protein(line, settings={"cost_aware": False, **settings}, seed=1)
    rng = np.random.default_rng(1)

    def run(params: Any) -> None:
        x = float(params["x"])
        protein.observe(params, math.exp(-20 * (x - 0.3) ** 2) + noise * rng.standard_normal(), 1.0)

    for x in rng.random(20):
        run({"x": float(x)})
    made = []
    for _ in range(runs):
        made.append(protein.suggest())
        run(made[-1].params)
    return protein, made


@pytest.mark.slow
def test_under_noise_the_best_configuration_is_run_again_and_no_more_often_than_the_setting_says(
    line: SearchSpace,
) -> None:
    _, made = search(line, noise=0.1, runs=14, max_replicates=2)

    runs = Counter(float(s.params["x"]) for s in made)
    again = [s for s in made if s.source == "replicate"]
    assert again
    assert max(runs.values()) == 2
    assert all(s.reasons["log_gain_again"] > s.reasons["log_gain_new"] for s in again)
    assert all(s.predicted_score is not None for s in again)


@pytest.mark.slow
def test_without_noise_and_by_default_nothing_is_run_twice(line: SearchSpace) -> None:
    _, exact = search(line, noise=0.0, max_replicates=5)
    _, default = search(line, noise=0.1)

    for made in (exact, default):
        assert "replicate" not in [s.source for s in made]
        assert len({float(s.params["x"]) for s in made}) == len(made)


@pytest.mark.slow
def test_a_batch_under_noise_repeats_no_more_than_the_setting_and_pending_runs_count(line: SearchSpace) -> None:
    protein, _ = search(line, noise=0.1, max_replicates=3)

    batch = protein.suggest_many(12)

    repeated = Counter(float(s.params["x"]) for s in batch if s.source == "replicate")
    observed = Counter(float(protein.space.decode(unit)["x"]) for unit in protein._observations.units)
    assert repeated
    assert all(count + observed[x] <= 3 for x, count in repeated.items())
