"""What Protein promises: the faults of earlier Proteins that it must not have, and that no numbers make it crash."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from services.suggester.protein import Protein, ProteinSettings, Suggestion, UnusableCost
from services.suggester.protein.candidates import Cube, around
from services.suggester.protein.fitting import is_due
from services.suggester.protein.observations import Observations
from services.suggester.protein.protein import _Search
from shared.domain.errors import ConfigError
from shared.domain.search_space import Params, SearchSpace

Outcome = tuple[float | None, float, bool]


def play(protein: Protein, outcome: Callable[[Params], Outcome], n: int) -> list[Suggestion]:
    made = []
    for _ in range(n):
        made.append(protein.suggest())
        score, cost, failed = outcome(made[-1].params)
        protein.observe(made[-1].params, score, cost, failed=failed)
    return made


def bowl(params: Params) -> Outcome:
    return -((float(params["x"]) - 0.23) ** 2), 1.0 + float(params["x"]), False


def keys(suggestions: list[Suggestion]) -> set[tuple[object, ...]]:
    return {tuple(s.params.values()) for s in suggestions}


# ------------------------------------------------------------------------------------------------ searching


def test_a_bowl_is_solved_when_maximizing(line: SearchSpace) -> None:
    made = play(Protein(line), bowl, 15)

    assert min(abs(float(s.params["x"]) - 0.23) for s in made) < 1e-3


@pytest.mark.slow
def test_minimize_is_maximize_of_the_negated_score_to_the_bit(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome]
) -> None:
    def negated(params: Params) -> Outcome:
        score, cost, failed = outcome(params)
        return None if score is None else -score, cost, failed

    up = play(Protein(mixed, goal="maximize"), outcome, 12)
    down = play(Protein(mixed, goal="minimize"), negated, 12)

    assert [s.params for s in up] == [s.params for s in down]
    assert up[-1].predicted_score == -(down[-1].predicted_score or 0.0)


@pytest.mark.slow
def test_the_search_beats_random_draws_on_a_mixed_space_with_failures(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome]
) -> None:
    def best(suggestions: list[Params]) -> float:
        return max(outcome(params)[0] or 0.0 for params in suggestions)

    rng = np.random.default_rng(0)
    drawn = [best([mixed.sample_uniform(rng) for _ in range(30)]) for _ in range(20)]
    found = best([s.params for s in play(Protein(mixed, settings={"cost_aware": False}), outcome, 30)])

    assert found > np.quantile(drawn, 0.95)


def test_predictions_come_with_the_first_fit_in_the_units_that_were_observed(line: SearchSpace) -> None:
    made = play(Protein(line, settings={"num_random_samples": 3}), lambda p: (1000 + 5 * float(p["x"]), 60.0, False), 8)

    assert (made[2].predicted_score, made[2].predicted_cost, made[2].predicted_score_std) == (None, None, None)
    assert made[-1].predicted_score == pytest.approx(1000 + 5 * float(made[-1].params["x"]), abs=0.2)
    assert made[-1].predicted_cost == pytest.approx(60)
    assert 0 < (made[-1].predicted_score_std or 0) < 5


def test_the_settings_number_of_first_points_is_honoured_the_centre_included(line: SearchSpace) -> None:
    sources = [s.source for s in play(Protein(line, settings={"num_random_samples": 5}), bowl, 7)]

    assert sources[:5] == ["centre"] + 4 * ["sobol"]
    assert not {"centre", "sobol"} & set(sources[5:])


def test_without_the_search_centre_the_first_points_are_all_space_filling(line: SearchSpace) -> None:
    settings = {"num_random_samples": 3, "seed_with_search_center": False}

    assert [s.source for s in play(Protein(line, settings=settings), bowl, 3)] == 3 * ["sobol"]


def test_the_first_suggestion_is_the_search_centre(mixed: SearchSpace) -> None:
    first = Protein(mixed).suggest()

    assert (first.params, first.source) == (mixed.centre(), "centre")


def test_runs_that_were_not_suggested_count_as_first_points(line: SearchSpace) -> None:
    protein = Protein(line)
    for x in np.linspace(0, 1, 5):
        protein.observe({"x": float(x)}, *bowl({"x": float(x)}))

    assert protein.suggest().source not in ("centre", "sobol")


def test_with_a_cost_param_the_first_runs_are_short(mixed: SearchSpace) -> None:
    made = Protein(mixed, settings={"cost_param": "trainer/steps"}).suggest_many(5)

    steps = [float(s.params["trainer.steps"]) for s in made]
    assert steps[0] == 1e6
    assert max(steps) <= 1e6 * 100**0.5 * 1.0001


@pytest.mark.slow
def test_a_search_spends_less_when_cost_counts(mixed: SearchSpace, outcome: Callable[[Params], Outcome]) -> None:
    spent = {}
    for aware in (True, False):
        made = play(Protein(mixed, settings={"cost_aware": aware}), outcome, 20)
        spent[aware] = sum(outcome(s.params)[1] for s in made)

    assert spent[True] < 0.7 * spent[False]


@pytest.mark.parametrize("acquisition", ["ei", "ucb", "naive"])
def test_every_acquisition_finds_the_better_half(line: SearchSpace, acquisition: str) -> None:
    made = play(Protein(line, settings={"acquisition_fn": acquisition}), bowl, 12)

    assert abs(float(made[-1].params["x"]) - 0.23) < 0.25


# ------------------------------------------------------------------------------------------------ the faults


def test_masked_candidates_are_never_chosen_though_all_scores_are_negative(line: SearchSpace) -> None:
    def outcome(params: Params) -> Outcome:  # the score pulls to the right, where runs cost more than the cap
        return -100 + 50 * float(params["x"]), 10 + 90 * float(params["x"]), False

    made = play(Protein(line, settings={"max_suggestion_cost": 50.0}), outcome, 14)

    modelled = [s for s in made if s.predicted_cost is not None]
    assert len(modelled) == 9
    assert all(s.predicted_cost <= 50 for s in modelled if s.predicted_cost is not None)
    assert max(float(s.params["x"]) for s in modelled) > 0.3


def test_if_everything_is_over_the_cap_the_cheapest_is_chosen_and_the_source_says_so(line: SearchSpace) -> None:
    made = play(Protein(line, settings={"max_suggestion_cost": 0.1}), bowl, 7)

    assert made[-1].source == "cheapest"
    assert float(made[-1].params["x"]) < 0.1


@pytest.mark.slow
def test_a_failed_run_is_no_score_and_lowers_the_chance_of_its_neighbourhood(line: SearchSpace) -> None:
    def fails_to_the_right(params: Params) -> Outcome:
        x = float(params["x"])
        return (-((x - 0.5) ** 2), 1.0, False) if x < 0.6 else (None, 0.01, True)

    made = play(Protein(line), fails_to_the_right, 20)

    assert sum(float(s.params["x"]) >= 0.6 for s in made[5:]) <= 3
    assert min(abs(float(s.params["x"]) - 0.5) for s in made[1:]) < 0.01
    assert all(0.9 < (s.predicted_cost or 1.0) < 1.1 for s in made)  # the costs of failures do not pull it down


def test_a_failed_run_does_not_change_what_scores_are_predicted(line: SearchSpace) -> None:
    def after(failures: list[float]) -> Protein:
        protein = Protein(line, settings={"cost_aware": False, "resample_frequency": 1})
        for x in (0.1, 0.3, 0.5, 0.7, 0.9):
            protein.observe({"x": x}, *bowl({"x": x}))
        for x in failures:
            protein.observe({"x": x}, None, 1.0, failed=True)
        return protein

    clean, failed = after([]).suggest(), after([0.95, 0.97]).suggest()

    assert clean.params == failed.params  # re-issued, so that both predict the same point
    assert clean.predicted_score == failed.predicted_score


def test_a_missing_score_is_a_failure_and_poisons_nothing(line: SearchSpace) -> None:
    for score in (None, float("nan"), float("inf")):
        protein = Protein(line, settings={"resample_frequency": 3})
        play(protein, lambda p: (1.0, 1.0, False), 4)
        protein.observe({"x": 0.123}, score, 1.0)
        made = play(protein, bowl, 4)

        assert all(math.isfinite(s.predicted_score or 0.0) for s in made)
        assert {"x": 0.123} not in [s.params for s in made]


def test_runs_equal_in_score_and_cost_are_all_on_the_front_and_the_search_continues(line: SearchSpace) -> None:
    made = play(Protein(line, settings={"resample_frequency": 2}), lambda p: (1.0, 1.0, False), 10)

    assert made[7].source == "resample"
    assert len({made[5].params["x"], made[7].params["x"], made[9].params["x"]}) > 1


def test_every_kth_suggestion_repeats_a_pareto_point(line: SearchSpace) -> None:
    made = play(Protein(line, settings={"resample_frequency": 4}), bowl, 12)

    assert [i for i, s in enumerate(made, 1) if s.source == "resample"] == [8, 12]
    assert made[7].params in [s.params for s in made[:7]]


@pytest.mark.parametrize("known", [0, 3, 8])
def test_parallel_suggestions_all_differ_from_each_other_and_from_what_is_known(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome], known: int
) -> None:
    protein = Protein(mixed)
    made = play(protein, outcome, known)

    batch = protein.suggest_many(8)

    assert len(keys(made + batch)) == known + 8


def test_pending_suggestions_push_the_next_one_away(line: SearchSpace) -> None:
    protein = Protein(line, settings={"cost_aware": False})
    for x in (0.0, 0.5, 1.0):
        protein.observe({"x": x}, math.sin(9 * x), 1.0)
    protein.remember({"n": 5})

    xs = sorted(float(s.params["x"]) for s in protein.suggest_many(3))

    assert np.diff(xs).min() > 0.03


# ------------------------------------------------------------------------------------------------ curves


def test_the_points_of_a_curve_teach_what_runs_score_and_cost(line: SearchSpace) -> None:
    def after(*, partial: bool) -> Suggestion:
        protein = Protein(line, settings={"num_random_samples": 2, "cost_aware": False})
        for x in (0.1, 0.9):
            protein.observe({"x": x}, *bowl({"x": x}))
            if partial:
                protein.observe({"x": x / 2}, *bowl({"x": x / 2}), partial=True)
        return protein.suggest()

    assert after(partial=True).predicted_score != after(partial=False).predicted_score
    assert after(partial=True).predicted_cost != after(partial=False).predicted_cost


def test_the_points_of_a_curve_are_no_first_runs(line: SearchSpace) -> None:
    protein = Protein(line, settings={"num_random_samples": 3})
    protein.observe({"x": 0.5}, 1.0, 1.0)
    for x in (0.1, 0.2, 0.3):
        protein.observe({"x": x}, 0.5, 0.5, partial=True)

    assert protein.suggest().predicted_score is None
    protein.observe({"x": 0.7}, 1.0, 1.0)
    protein.observe({"x": 0.9}, 1.0, 1.0)
    assert protein.suggest().predicted_score is not None


def test_a_point_of_a_curve_is_never_repeated_though_it_is_better_than_every_run(line: SearchSpace) -> None:
    protein = Protein(line, settings={"resample_frequency": 1, "num_random_samples": 1})
    for x in (0.2, 0.4, 0.6):
        protein.observe({"x": x}, x, 10.0)
        protein.observe({"x": x / 2}, 9.0, 0.1, partial=True)

    again = protein.suggest()

    assert (again.source, again.params) == ("resample", {"x": 0.6})


def test_what_the_points_of_a_curve_cost_was_spent_once(line: SearchSpace) -> None:
    def affordable(*, partial: bool) -> float:
        protein = Protein(line, settings={"num_random_samples": 1})
        for x in (0.1, 0.5, 0.9):
            protein.observe({"x": x}, 1.0, 10.0)
            if partial:
                protein.observe({"x": x / 2}, 1.0, 9.0, partial=True)
        return _Search(protein, [], np.random.default_rng(0), 0)._log_affordable()

    assert affordable(partial=True) == affordable(partial=False)


def test_a_small_space_is_exhausted_before_anything_is_repeated_and_then_the_source_says_so(six: SearchSpace) -> None:
    protein = Protein(six, settings={"num_random_samples": 2})
    made = play(protein, lambda p: (float(p["n"]), 1.0, False), 4)
    batch = protein.suggest_many(4)

    assert len(keys(made + batch[:2])) == 6
    assert [s.source == "repeat" for s in batch] == [False, False, True, True]
    assert batch[2].params != batch[3].params
    assert {tuple(s.params.values()) for s in batch[2:]} <= keys(made)


def test_a_space_with_one_configuration_repeats_it() -> None:
    space = SearchSpace.from_config({"x": {"distribution": "categorical", "values": ["only"]}})

    made = play(Protein(space), lambda p: (1.0, 1.0, False), 8)

    assert {s.source for s in made[1:]} == {"repeat"}
    assert made[-1].params == {"x": "only"}


def test_two_seeds_search_differently_and_each_suggestion_has_a_stream_of_its_own(mixed: SearchSpace) -> None:
    first, second = Protein(mixed, seed=0).suggest_many(4), Protein(mixed, seed=1).suggest_many(4)

    assert len(keys(first[1:] + second[1:])) == 6


def test_the_surrogates_are_fitted_again_only_when_there_is_something_new() -> None:
    assert is_due(5, {})
    assert not is_due(5, {"fit": 5})
    assert is_due(6, {"fit": 5})
    assert not is_due(1029, {"fit": 1000})
    assert is_due(1030, {"fit": 1000})
    assert is_due(4, {"fit": 5})


def test_of_too_many_observations_the_bad_ones_are_kept_too() -> None:
    observations = Observations()
    for i in range(100):
        observations.add({"x": float(i)}, np.array([i / 100]), loss=float(i), cost=1.0)

    _, losses, _ = observations.arrays(most=40)

    assert len(losses) == 40
    assert set(range(10)) <= set(losses.astype(int))
    assert (losses > 50).sum() >= 14
    assert (np.diff(losses) > 0).all()  # in the order in which they came


def test_of_too_many_observations_the_unlucky_runs_of_a_good_configuration_are_kept_with_the_lucky_ones() -> None:
    observations = Observations()
    good = np.array([0.995])
    for i in range(100):
        observations.add({"x": float(i)}, np.array([i / 100]), loss=float(i), cost=1.0)
    for loss in (-5.0, 60.0, -40.0, None):  # a mean of 5
        observations.add({"x": 99.5}, good, loss=loss, cost=1.0)

    units, losses, _ = observations.arrays(most=40)

    assert {-5.0, 60.0, -40.0} <= set(losses[units[:, 0] == good[0]])
    assert set(range(7)) <= set(losses.tolist())


def test_learning_continues_after_one_hundred_observations(line: SearchSpace) -> None:
    protein = Protein(line, settings={"cost_aware": False})
    for x in np.linspace(0, 0.5, 120):
        protein.observe({"x": float(x)}, float(x), 1.0)
    for x in np.linspace(0.9, 1.0, 20):
        protein.observe({"x": float(x)}, 5 - 50 * (float(x) - 0.95) ** 2, 1.0)

    suggestion = protein.suggest()

    assert 0.5 < float(suggestion.params["x"]) <= 1.0
    assert (suggestion.predicted_score or 0.0) > 0.5


def test_local_candidates_do_not_pile_up_on_the_bounds(line: SearchSpace) -> None:
    units = around(Cube(line), np.random.default_rng(0), np.array([[0.02], [0.98]]), each=500, scale=1.0)

    assert ((units > 0) & (units < 1)).all()
    assert 0.2 < np.mean(units < 0.5) < 0.8


def test_the_acquisition_sees_rounded_values_and_the_suggestion_is_what_it_ranked(mixed: SearchSpace) -> None:
    cube, rng = Cube(mixed), np.random.default_rng(0)
    units = around(cube, rng, mixed.snap(rng.random((3, len(mixed)))), each=50, scale=1.0)

    again = np.array([mixed.encode(mixed.decode(unit)) for unit in units])

    assert again == pytest.approx(units, abs=1e-9)


def test_suggestions_are_legal_values_of_every_kind_of_parameter(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome]
) -> None:
    for suggestion in play(Protein(mixed, seed=2), outcome, 12):
        assert mixed.validate(suggestion.params) == suggestion.params
        assert suggestion.params["trainer.device"] == "cpu"


def test_a_cost_that_is_missing_or_zero_is_said_aloud_and_left_out(line: SearchSpace) -> None:
    protein = Protein(line)
    for x, cost in [(0.1, 0.0), (0.3, -1.0), (0.5, float("nan"))]:
        with pytest.warns(UnusableCost, match="not a positive number"):
            protein.observe({"x": x}, x, cost)
    protein.observe({"x": 0.7}, 0.7, 8.0)
    protein.observe({"x": 0.9}, 0.9, 8.0)

    assert protein.suggest().predicted_cost == pytest.approx(8)


def test_the_time_of_a_suggestion_is_bounded_by_the_most_observations_a_surrogate_sees(line: SearchSpace) -> None:
    protein = Protein(line, settings={"gp_max_obs": 20})
    for x in np.linspace(0, 1, 300):
        protein.observe({"x": float(x)}, *bowl({"x": float(x)}))

    suggestion = protein.suggest()

    units, _, _ = protein._observations.arrays(most=protein.settings.gp_max_obs)
    assert len(units) == 20
    assert suggestion.predicted_score == pytest.approx(bowl(suggestion.params)[0], abs=0.01)


# ------------------------------------------------------------------------------------------------ bad numbers


@pytest.mark.parametrize(
    "scores",
    [
        [1e308] * 6,
        [1e308, -1e308, 1e308, 0.0, 1.0, 1e308],
        [0.0] * 6,
        [1e-308, 2e-308, 0.0, 1e-300, 0.0, 0.0],
        [7.0] * 5 + [7.0 + 1e-12],
        [None] * 6,
        [None] * 5 + [3.0],
    ],
)
@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_no_scores_make_it_crash(line: SearchSpace, scores: list[float | None], goal: str) -> None:
    protein = Protein(line, goal=goal, settings={"resample_frequency": 7})
    for index, score in enumerate(scores):
        protein.observe({"x": index / 7}, score, 1.0, failed=score is None)

    suggestions = protein.suggest_many(3)

    assert len(keys(suggestions)) == 3
    assert all(s.predicted_score is None or math.isfinite(s.predicted_score) for s in suggestions)


@pytest.mark.parametrize("cost", [0.0, -5.0, 1.0, 1e308, 5e-324, float("inf")])
def test_no_costs_make_it_crash(line: SearchSpace, cost: float) -> None:
    protein = Protein(line, settings={"max_suggestion_cost": 10})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusableCost)
        play(protein, lambda p: (float(p["x"]), cost, False), 6)

        predicted = protein.suggest().predicted_cost

    assert predicted is None or (math.isfinite(predicted) and predicted >= 0)


def test_one_observation_is_enough_to_continue(line: SearchSpace) -> None:
    protein = Protein(line, settings={"num_random_samples": 0})
    made = play(protein, bowl, 3)

    assert [s.source for s in made[:1]] == ["centre"]
    assert made[1].predicted_score == pytest.approx(bowl(made[0].params)[0] or 0.0, abs=1)


def test_when_everything_failed_the_next_suggestion_keeps_away_from_the_failures(line: SearchSpace) -> None:
    protein = Protein(line)
    for x in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75):
        protein.observe({"x": x}, None, 1.0, failed=True)

    suggestion = protein.suggest()

    assert suggestion.source == "feasible"
    assert not 0.45 < float(suggestion.params["x"]) < 0.8


def test_the_same_run_observed_many_times_does_not_break_the_surrogate(line: SearchSpace) -> None:
    protein = Protein(line)
    for _ in range(30):
        protein.observe({"x": 0.5}, 1.0, 1.0)

    assert protein.suggest().params["x"] != 0.5


def test_params_outside_the_space_are_refused(line: SearchSpace) -> None:
    with pytest.raises(ConfigError, match="x is 2"):
        Protein(line).observe({"x": 2}, 1.0, 1.0)
    with pytest.raises(ConfigError, match="y: not a parameter"):
        Protein(line).suggest(pending=[{"y": 2}])


def test_settings_may_be_given_as_an_object_or_as_a_mapping(line: SearchSpace) -> None:
    given: dict[str, Any] = {"num_random_samples": 2}

    assert Protein(line, settings=given).settings == Protein(line, settings=ProteinSettings(**given)).settings
