"""How much each parameter of a sweep matters: total-order Sobol indices of Protein's surrogate of the score.

The surrogate is fitted to the runs with a score, of any search method, and evaluated everywhere in the search space.
The index of a parameter is the share of the variance of the prediction that remains if all other parameters are known:
0 for a parameter without effect; with interactions the sum of the indices is more than 1. Estimator: Jansen (1999), on
scrambled Sobol points. With them comes a measure of how far the surrogate can be trusted: the share of the variance of
the scores that it predicts if each of them is left out (Rasmussen and Williams, 2006, eq. 5.12).

`python -m services.suggester.importance SWEEP` prints them as JSON; `sweepctl report` runs it, because Protein needs
torch, and commands do not load it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from services.suggester.protein import fitting
from services.suggester.protein.candidates import Cube
from services.suggester.protein.fitting import Evidence
from services.suggester.protein.observations import Observations
from services.suggester.protein.surrogate import Surrogate
from shared.config.frozen import job_of
from shared.config.protein import ProteinSettings
from shared.config.searched import space_of
from shared.domain.errors import SweepError
from shared.domain.importance import Importance
from shared.domain.run import Run, RunState
from shared.domain.search_space import SearchSpace
from shared.store.store import open_store

Array = NDArray[np.float64]

POINTS: Final = 1024
FEWEST: Final = 10
FEWEST_EACH: Final = 2  # runs for each parameter that varies


def importance(runs: Sequence[Run], space: SearchSpace, settings: ProteinSettings) -> Importance:
    """Return the importance of the parameters of `space`, from the runs with a score."""
    scored = [run for run in runs if run.score is not None]
    varying = [j for j, parameter in enumerate(space.parameters) if not parameter.is_constant]
    found = Importance(len(scored), max(FEWEST, FEWEST_EACH * len(varying)))
    if len(scored) < found.wanted or len({run.score for run in scored}) == 1:
        return found
    cube = Cube(space, settings.cost_path)
    evidence = replace(_evidence(scored, cube, most=settings.gp_max_obs), cost=None, success=None)
    fitted = fitting.refit(evidence, cube, {}, observed=len(scored))
    surrogate = fitting.surrogate(evidence.loss, cube, fitted["loss"])
    assert surrogate is not None
    assert evidence.loss is not None
    shares = total_indices(surrogate, cube, varying)
    indices = {space.paths[j]: share for j, share in zip(varying, shares, strict=True)}
    return replace(found, indices=indices, explained=explained(surrogate, evidence.loss.targets))


def total_indices(surrogate: Surrogate, cube: Cube, varying: Sequence[int]) -> list[float]:
    """Return the total-order index of each of the `varying` parameters; all are 0 if the prediction is constant."""
    width = len(cube.space)
    draws = qmc.Sobol(2 * width, seed=0).random(POINTS)
    base, other = draws[:, :width], draws[:, width:]

    def predicted(units: Array) -> Array:
        return surrogate.mean(cube.features(cube.space.snap(units)))

    at_base = predicted(base)
    variance = float(np.var(np.concatenate([at_base, predicted(other)])))
    shares = []
    for j in varying:
        changed = base.copy()
        changed[:, j] = other[:, j]
        squares = float(np.mean((at_base - predicted(changed)) ** 2))
        shares.append(0.5 * squares / variance if variance > 1e-12 else 0.0)
    return shares


def explained(surrogate: Surrogate, targets: Array) -> float:
    """Return the share of the variance of `targets` (n,) that is predicted when each of them is left out."""
    precision = (surrogate.whitener**2).sum(axis=0)  # the diagonal of the inverse covariance
    missed = surrogate.alpha / precision
    return float(1 - (missed**2).sum() / ((targets - targets.mean()) ** 2).sum())


def _evidence(scored: Sequence[Run], cube: Cube, *, most: int) -> Evidence:
    observations = Observations()
    for run in scored:
        params = cube.space.validate({**run.params, **run.trained})
        observations.add(params, cube.space.encode(params), loss=run.score, cost=run.cost or 0.0)
    return Evidence.of(observations, cube, most=most)


def main() -> None:
    """Print the importance of the parameters of the named sweep."""
    try:
        store = open_store(os.environ["REDIS_URL"])
        sweep = store.sweeps.get(sys.argv[1])
        job = job_of(sweep)
        runs = store.runs.in_states(sweep.name, [RunState.OBSERVED])
        found: dict[str, Any] = asdict(importance(runs, space_of(job), ProteinSettings.from_config(job.sweep.protein)))
        print(json.dumps(found))
    except SweepError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
