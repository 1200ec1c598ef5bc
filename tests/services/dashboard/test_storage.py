"""The store as a storage of Optuna: what it shows, that it follows changes, and that it cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from services.dashboard.storage import ReadOnly, SweepStorage
from services.dashboard.trials import distribution_of
from shared.domain import run as moves
from shared.domain.errors import SweepError
from shared.domain.progress import Progress
from shared.domain.run import RunState
from shared.domain.search_space import SearchSpace
from shared.store.store import Store
from tests.finished_sweeps import a_sweep_of, some_runs

if TYPE_CHECKING:
    from tests.conftest import ARun


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store with a sweep of 30 runs."""
    sweep = store.sweeps.create(a_sweep_of(30, goal="minimize"))
    store.sweeps.commit(sweep, sweep.move("", created=30), some_runs(sweep, 30))
    return store


def test_a_sweep_is_a_study_with_its_goal_and_the_name_of_its_metric(filled: Store) -> None:
    (study,) = SweepStorage(filled).get_all_studies()

    assert (study.study_name, study.directions) == ("s", [StudyDirection.MINIMIZE])
    assert study.system_attrs["study:metric_names"] == ["reward"]
    assert study.user_attrs["method"] == "bayes"


def test_a_run_is_a_trial_with_its_number_its_parameters_and_what_it_cost(filled: Store) -> None:
    storage = SweepStorage(filled)
    runs = {run.number: run for run in filled.runs.all("s")}

    trials = storage.get_all_trials(storage.get_study_id_from_name("s"))

    assert [trial.number for trial in trials] == list(range(1, 31))
    for trial in trials:
        run = runs[trial.number]
        assert trial.params == run.params
        assert (trial.value, trial.user_attrs["run"], trial.user_attrs["cost"]) == (run.score, run.id, run.cost)
        assert _remade(trial)
    states = {trial.number: trial.state for trial in trials}
    assert (states[1], states[11], states[13]) == (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
    assert "ValueError" in trials[10].user_attrs["failure"]


def _remade(trial: FrozenTrial) -> FrozenTrial:
    """Let Optuna make such a trial: it raises ValueError for one that is not whole."""
    return create_trial(
        state=trial.state,
        value=trial.value,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        intermediate_values=trial.intermediate_values,
    )


def test_optuna_finds_the_best_run_and_what_matters(filled: Store) -> None:
    study = optuna.load_study(study_name="s", storage=SweepStorage(filled))
    scored = [run for run in filled.runs.all("s") if run.score is not None and run.early_stop is None]

    assert study.best_trial.number == min(scored, key=lambda run: run.score or 0.0).number
    assert set(optuna.importance.get_param_importances(study)) > {"trainer.optimizer.learning_rate"}


def test_what_happens_is_seen_at_the_next_look(store: Store, a_run: ARun) -> None:
    sweep = store.sweeps.create(a_sweep_of(1))
    params = some_runs(sweep, 1)[0].params
    queued = a_run().model_copy(update={"params": params})
    store.sweeps.commit(sweep, sweep.move("", created=1), [queued])
    storage = SweepStorage(store)
    study = storage.get_study_id_from_name("s")

    def seen() -> tuple[TrialState, dict[int, float]]:
        (trial,) = storage.get_all_trials(study)
        return trial.state, trial.intermediate_values

    assert seen() == (TrialState.WAITING, {})
    queued = store.runs.get("s.r.1")
    held = store.runs.claim(queued, moves.claim(queued, worker="w", nonce="n", at=0.0), lease_ms=9000)
    store.runs.renew(held, lease_ms=9000, progress=Progress(attempt=1, step=2, curve=((1, 0.5), (2, 0.75))))
    assert seen() == (TrialState.RUNNING, {1: 0.5, 2: 0.75})
    store.runs.commit(held, moves.observe(held, score=1.0, cost=2.0, seconds=1.0, steps=2, metrics={}))
    assert seen()[0] is TrialState.COMPLETE
    (trial,) = storage.get_all_trials(study)
    assert trial.datetime_start is not None
    assert trial.datetime_complete is not None
    assert trial.datetime_start <= trial.datetime_complete


def test_only_the_sweeps_that_are_named_are_shown(filled: Store) -> None:
    filled.sweeps.create(a_sweep_of(0).model_copy(update={"name": "other"}))

    assert [study.study_name for study in SweepStorage(filled).get_all_studies()] == ["s", "other"]
    assert [study.study_name for study in SweepStorage(filled, ["other"]).get_all_studies()] == ["other"]
    with pytest.raises(KeyError):
        SweepStorage(filled, ["other"]).get_study_id_from_name("s")


def test_the_runs_of_a_sweep_whose_log_was_dropped_are_shown(filled: Store) -> None:
    sweep = filled.sweeps.get("s")
    filled.sweeps.commit(sweep, sweep.move("", log_dropped=True))
    filled.sweeps.drop_log("s")

    assert len(SweepStorage(filled).get_all_trials(0)) == 30


@pytest.mark.parametrize(
    "write",
    [
        lambda storage: storage.create_new_study([StudyDirection.MINIMIZE]),
        lambda storage: storage.delete_study(0),
        lambda storage: storage.set_study_user_attr(0, "k", 1),
        lambda storage: storage.set_study_system_attr(0, "k", 1),
        lambda storage: storage.create_new_trial(0),
        lambda storage: storage.set_trial_param(1, "p", 0.5, FloatDistribution(0, 1)),
        lambda storage: storage.set_trial_state_values(1, TrialState.FAIL),
        lambda storage: storage.set_trial_intermediate_value(1, 1, 1.0),
        lambda storage: storage.set_trial_user_attr(1, "k", 1),
        lambda storage: storage.set_trial_system_attr(1, "k", 1),
        lambda storage: optuna.load_study(study_name="s", storage=storage).ask(),
    ],
)
def test_every_write_is_refused_and_changes_nothing(filled: Store, write: Any) -> None:
    storage = SweepStorage(filled)
    storage.get_all_trials(storage.get_study_id_from_name("s"))
    before = {key: filled.client.dump(key) for key in filled.client.keys() if "events" not in key}  # noqa: SIM118

    with pytest.raises(ReadOnly, match="the dashboard is read-only"):
        write(storage)

    assert issubclass(ReadOnly, SweepError)
    assert {key: filled.client.dump(key) for key in before} == before


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({"distribution": "uniform", "min": 0, "max": 2}, FloatDistribution(0.0, 2.0)),
        ({"distribution": "log_normal", "min": 1e-5, "max": 1e-1}, FloatDistribution(1e-5, 1e-1, log=True)),
        ({"distribution": "logit_normal", "min": 0.5, "max": 0.9}, FloatDistribution(0.5, 0.9)),
        ({"distribution": "int_uniform", "min": 1, "max": 6}, IntDistribution(1, 6)),
        ({"distribution": "uniform_pow2", "min": 16, "max": 64}, IntDistribution(16, 64, log=True)),
        ({"distribution": "uniform_pow2", "min": 0.25, "max": 4}, FloatDistribution(0.25, 4.0, log=True)),
        ({"distribution": "categorical", "values": ["a", 2, True]}, CategoricalDistribution(("a", 2, True))),
    ],
)
def test_each_distribution_keeps_its_bounds_and_its_scale(parameter: dict[str, Any], expected: object) -> None:
    assert distribution_of(SearchSpace.from_config({"x": parameter}).parameters[0]) == expected


def test_every_state_of_a_run_has_one_of_a_trial(store: Store, a_run: ARun) -> None:
    sweep = store.sweeps.create(a_sweep_of(7))
    params = some_runs(sweep, 1)[0].params
    runs = [a_run(state, number=n).model_copy(update={"params": params}) for n, state in enumerate(RunState, 1)]
    store.sweeps.commit(sweep, sweep.move("", created=7), runs)
    storage = SweepStorage(store)

    trials = storage.get_all_trials(storage.get_study_id_from_name("s"))

    assert [trial.state.name for trial in trials] == [
        "WAITING",
        "RUNNING",
        "RUNNING",
        "RUNNING",
        "COMPLETE",
        "FAIL",
        "FAIL",
    ]
