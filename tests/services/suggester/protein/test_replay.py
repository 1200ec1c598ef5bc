"""A suggestion is a function of what was observed, the memory of the last one, the pending list and the seed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from services.suggester.protein import Protein, Suggestion
from shared.domain.search_space import Params, SearchSpace

pytestmark = pytest.mark.slow

Outcome = tuple[float | None, float, bool]
Observed = list[tuple[Params, Outcome]]


def as_stored(suggestion: Suggestion) -> tuple[Params, dict[str, Any]]:
    """Params and memory after they went through JSON, as the store keeps them."""
    stored: tuple[Params, dict[str, Any]] = json.loads(json.dumps([suggestion.params, dict(suggestion.memory)]))
    return stored[0], stored[1]


def rebuilt(space: SearchSpace, observed: Observed, memory: dict[str, Any] | None, **options: Any) -> Protein:
    protein = Protein(space, **options)
    for params, (score, cost, failed) in observed:
        protein.observe(json.loads(json.dumps(params)), score, cost, failed=failed)
    if memory is not None:
        protein.remember(memory)
    return protein


OPTIONS: list[dict[str, Any]] = [
    {},
    {"goal": "minimize", "seed": 3},
    {"settings": {"cost_param": "trainer.steps", "max_suggestion_cost": 100, "resample_frequency": 3}},
    {"settings": {"acquisition_fn": "ucb", "randomize_acquisition": True, "cost_aware": False}},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_a_new_protein_continues_to_the_bit_from_any_suggestion_of_a_parallel_sweep(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome], options: dict[str, Any]
) -> None:
    protein, memory = Protein(mixed, **options), None
    observed: Observed = []
    pending: list[Params] = []
    for step in range(16):
        suggestion = protein.suggest(pending)
        again = rebuilt(mixed, observed, memory, **options).suggest(pending)
        assert (again.params, again.memory, again.source) == (suggestion.params, suggestion.memory, suggestion.source)
        assert again == suggestion
        params, memory = as_stored(suggestion)
        pending.append(params)
        if step % 4 > 0:  # three come back for four that start
            params = pending.pop(step % len(pending))
            observed.append((params, outcome(params)))
            protein.observe(params, observed[-1][1][0], observed[-1][1][1], failed=observed[-1][1][2])


def test_runs_that_repeat_a_configuration_are_suggested_again_to_the_bit(line: SearchSpace) -> None:
    options: dict[str, Any] = {"seed": 1, "settings": {"max_replicates": 3, "cost_aware": False}}
    rng = np.random.default_rng(1)

    def noisy(params: Params) -> Outcome:
        return float(np.exp(-20 * (float(params["x"]) - 0.3) ** 2) + 0.1 * rng.standard_normal()), 1.0, False

    observed: Observed = [({"x": float(x)}, noisy({"x": float(x)})) for x in rng.random(20)]
    memory, sources = None, []
    pending: list[Params] = [{"x": 0.77}]
    for _ in range(14):
        suggestion = rebuilt(line, observed, memory, **options).suggest(pending)
        assert rebuilt(line, observed, memory, **options).suggest(pending) == suggestion
        params, memory = as_stored(suggestion)
        pending.append(params)
        observed.append((pending[0], noisy(pending[0])))
        del pending[0]
        sources.append(suggestion.source)

    assert "replicate" in sources


def test_a_batch_is_what_single_suggestions_give_when_each_joins_the_pending_list(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome]
) -> None:
    running = Protein(mixed).suggest_many(1)[0].params
    observed = [(s.params, outcome(s.params)) for s in Protein(mixed, seed=5).suggest_many(8)]

    batch = rebuilt(mixed, observed, None).suggest_many(3, pending=[running])
    protein, pending = rebuilt(mixed, observed, None), [running]
    for suggestion in batch:
        assert protein.suggest(pending) == suggestion
        pending.append(suggestion.params)


def test_a_replay_can_continue_from_each_suggestion_of_a_batch(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome]
) -> None:
    observed = [(s.params, outcome(s.params)) for s in Protein(mixed, seed=5).suggest_many(8)]
    first, second, third = rebuilt(mixed, observed, None).suggest_many(3)

    assert rebuilt(mixed, observed, as_stored(first)[1]).suggest([first.params]) == second
    assert rebuilt(mixed, observed, as_stored(second)[1]).suggest([first.params, second.params]) == third


def test_a_suggestion_of_a_batch_does_not_fit_the_hyperparameters_again(
    mixed: SearchSpace, outcome: Callable[[Params], Outcome]
) -> None:
    observed = [(s.params, outcome(s.params)) for s in Protein(mixed, seed=5).suggest_many(8)]

    first, second = (dict(s.memory) for s in rebuilt(mixed, observed, None).suggest_many(2))

    assert first.pop("n") + 1 == second.pop("n")
    assert first == second


def test_the_memory_is_short_plain_json_also_for_twelve_parameters() -> None:
    leaf = {"distribution": "uniform", "min": 0, "max": 1}
    space = SearchSpace.from_config({f"x{i}": leaf for i in range(12)})
    protein = Protein(space)
    for i in range(8):
        params = protein.suggest().params
        protein.observe(params, None if i == 3 else float(params["x0"]), 1.0 + float(params["x1"]))

    memory = dict(protein.suggest().memory)

    assert set(memory) == {"n", "fit", "loss", "cost", "success", "noise"}
    assert len(json.dumps(memory)) < 700
    assert json.loads(json.dumps(memory)) == memory


def test_without_a_seed_one_is_drawn_and_kept_in_the_memory(mixed: SearchSpace) -> None:
    protein = Protein(mixed, seed=None)
    first, second = protein.suggest_many(2)
    fresh = Protein(mixed, seed=None)
    fresh.remember(as_stored(first)[1])

    assert fresh.suggest([first.params]) == second
    assert Protein(mixed, seed=None).suggest_many(2)[1].params != second.params


def test_suggestions_leave_the_process_s_random_state_and_torch_s_settings_alone(line: SearchSpace) -> None:
    before = torch.random.get_rng_state(), repr(np.random.get_state()), torch.get_default_dtype()

    protein = Protein(line)
    for x in (0.1, 0.4, 0.6, 0.7, 0.9, 0.95):
        protein.observe({"x": x}, x, 1.0)
    protein.suggest()

    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1:] == (repr(np.random.get_state()), torch.get_default_dtype())
    assert torch.is_grad_enabled()


SCRIPT = """
import json, os, sys
from services.suggester.protein import Protein
from shared.domain.search_space import SearchSpace
leaf = {"distribution": "uniform", "min": 0, "max": 1}
protein = Protein(SearchSpace.from_config({f"x{i}": leaf for i in range(5)}))
for _ in range(9):
    suggestion = protein.suggest()
    protein.observe(suggestion.params, sum(suggestion.params.values()), 1.0 + suggestion.params["x0"])
print(json.dumps([suggestion.params, dict(suggestion.memory), suggestion.predicted_score]))
"""


@pytest.mark.slow
def test_another_process_suggests_the_same_to_the_bit() -> None:
    root = str(Path(__file__).parents[4])
    environment = {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "PATH": "/usr/bin:/bin"}

    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**environment, "PYTHONHASHSEED": str(k), "PADDING": "x" * 777 * k},
            capture_output=True,
            check=True,
        ).stdout
        for k in range(2)
    ]

    assert said[0] == said[1]
