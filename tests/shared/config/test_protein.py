"""Protein's settings: published ones load unchanged, unknown ones are refused with the one that was meant."""

from __future__ import annotations

from typing import Any

import pytest

from shared.config.protein import ProteinSettings
from shared.domain.errors import ConfigError

QUICK = {
    "num_random_samples": 5,
    "max_suggestion_cost": 3600,
    "resample_frequency": 0,
    "global_search_scale": 1,
    "random_suggestions": 1024,
    "suggestions_per_pareto": 256,
}
PUFFER = {
    "gp_training_iter": 50,
    "gp_learning_rate": 1e-3,
    "gp_max_obs": 750,
    "cost_param": "train/total_timesteps",
    "prune_pareto": True,
    "num_keep_top_obs": 5,
    "optimizer_reset_frequency": 50,
    "use_gpu": True,
    "metric_distribution": "percentile",
    "downsample": 5,
    "early_stop_quantile": 0.3,
    "max_runs": 1200,
}


def test_the_published_quick_settings_load_and_all_of_them_count() -> None:
    settings = ProteinSettings.from_config(QUICK)

    assert settings.num_random_samples == 5
    assert settings.max_suggestion_cost == 3600.0
    assert settings.notes() == ()


def test_settings_of_pufferlib_load_and_notes_say_which_have_no_effect() -> None:
    settings = ProteinSettings.from_config(PUFFER)

    silent = {note.removeprefix("protein.").partition(" ")[0] for note in settings.notes()}
    assert silent == set(PUFFER) - {"gp_max_obs", "cost_param"}
    assert settings.cost_path == "train.total_timesteps"


def test_defaults_that_were_not_written_are_not_noted() -> None:
    assert ProteinSettings().notes() == ()


def test_the_optimism_of_ucb_is_noted_where_another_acquisition_is_chosen() -> None:
    assert "only with ucb" in ProteinSettings(ucb_beta=1.0).notes()[0]
    assert ProteinSettings(ucb_beta=1.0, acquisition_fn="ucb").notes() == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"num_random_sample": 5},
            "protein.num_random_sample: unknown key (did you mean num_random_samples?); expected a",
        ),
        ({"max_replicates": 0}, "protein.max_replicates is 0: expected 1 or more"),
        ({"max_replicates": 2.5}, "protein.max_replicates is 2.5: expected a whole number"),
        (
            {"max_replicate": 3},
            "protein.max_replicate: unknown key (did you mean max_replicates?)",
        ),
        ({"colour": 1}, "protein.colour: unknown key; expected a setting of Protein; remove it"),
        ({"num_random_samples": -1}, "protein.num_random_samples is -1: expected 0 or more"),
        ({"num_random_samples": "5"}, "protein.num_random_samples is '5': expected a whole number"),
        ({"num_random_samples": True}, "protein.num_random_samples is true"),
        ({"max_suggestion_cost": 0}, "protein.max_suggestion_cost is 0: expected more than 0"),
        ({"max_suggestion_cost": float("nan")}, "protein.max_suggestion_cost is nan: expected"),
        ({"acquisition_fn": "eii"}, "protein.acquisition_fn is 'eii': expected 'ei', 'ucb' or 'naive'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_in_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ProteinSettings.from_config(given)

    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
