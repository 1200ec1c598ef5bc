"""Ask/tell adapters. Each imports its library only when it is used, so you need not install all libraries.

An adapter is built from a `Task` and a seed, and has two methods:

    suggest(pending) -> params      pending: parameters of unfinished runs
    observe(params, score, cost, failed)

Failed runs: a library that has no failures gets the worst score so far.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from space import Param, Params, Space


@dataclass(frozen=True)
class Task:
    parameters: dict  # nested sweep config
    goal: str  # maximize | minimize
    cost_param: str | None = None  # dotted path of the parameter that is the length of a run
    max_cost: float | None = None  # the most one run should cost


class Optimizer:
    def __init__(self, task: Task, seed: int):
        self.task, self.seed = task, seed
        self.space = Space(task.parameters)
        self.sign = 1.0 if task.goal == "minimize" else -1.0  # loss = sign * score
        self.rng = np.random.default_rng(seed)
        self._worst: float | None = None

    def suggest(self, pending: Sequence[Params] = ()) -> Params:
        raise NotImplementedError

    def observe(self, params: Params, score: float | None, cost: float, failed: bool = False) -> None:
        raise NotImplementedError

    def loss(self, score: float | None, failed: bool) -> float | None:
        """Return the score as a loss; for a failed run the worst loss so far (None if there is none yet)."""
        if failed or score is None or not np.isfinite(score):
            return self._worst
        loss = self.sign * score
        self._worst = loss if self._worst is None else max(self._worst, loss)
        return loss


def _key(params: Params) -> tuple:
    return tuple(sorted(params.items()))


class RandomSearch(Optimizer):
    def suggest(self, pending=()):
        return self.space.sample(self.rng)

    def observe(self, params, score, cost, failed=False):
        pass


class Optuna(Optimizer):
    """Optuna over the natural parameters; powers of two by exponent, logit in log(1 - x)."""

    def __init__(self, task, seed, sampler: Callable):
        super().__init__(task, seed)
        import optuna

        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna = optuna
        self.study = optuna.create_study(direction="minimize", sampler=sampler(optuna.samplers, seed))
        self.distributions = {p.name: self._distribution(p) for p in self.space.params}
        self.running: dict[tuple, list] = {}

    def _distribution(self, p: Param):
        d = self.optuna.distributions
        if p.is_categorical:
            return d.CategoricalDistribution(p.values)
        if p.distribution == "int_uniform":
            return d.IntDistribution(int(p.min), int(p.max))
        if p.distribution == "uniform_pow2":
            return d.IntDistribution(round(np.log2(p.min)), round(np.log2(p.max)))
        if p.distribution == "logit_normal":
            return d.FloatDistribution(p._warp(p.min), p._warp(p.max))
        return d.FloatDistribution(p.min, p.max, log=p.distribution == "log_normal")

    def _decode(self, p: Param, value):
        if p.distribution in ("uniform_pow2", "logit_normal"):
            return min(max(p._unwarp(value), p.min), p.max)
        return value

    def _encode(self, p: Param, value):
        if p.distribution == "uniform_pow2":
            return round(p._warp(value))
        return p._warp(value) if p.distribution == "logit_normal" else value

    def suggest(self, pending=()):
        trial = self.study.ask(self.distributions)
        params = {p.name: self._decode(p, trial.params[p.name]) for p in self.space.params}
        self.running.setdefault(_key(params), []).append(trial)
        return params

    def observe(self, params, score, cost, failed=False):
        loss = self.loss(score, failed)
        state = self.optuna.trial.TrialState.COMPLETE if loss is not None else self.optuna.trial.TrialState.FAIL
        trials = self.running.get(_key(params))
        if trials:
            self.study.tell(trials.pop(), loss, state=state)
        elif loss is not None:  # a run that this study did not suggest
            encoded = {p.name: self._encode(p, params[p.name]) for p in self.space.params}
            self.study.add_trial(
                self.optuna.trial.create_trial(params=encoded, distributions=self.distributions, value=loss)
            )


class BoTorch(Optimizer):
    """BoTorch SingleTaskGP with qLogNoisyExpectedImprovement on the unit cube (categories by index)."""

    STARTUP = 10

    def __init__(self, task, seed):
        super().__init__(task, seed)
        import torch

        self.torch = torch
        torch.manual_seed(seed)
        self.sobol = torch.quasirandom.SobolEngine(len(self.space), scramble=True, seed=seed)
        self.x: list[np.ndarray] = []
        self.y: list[float] = []

    def suggest(self, pending=()):
        if len(self.y) + len(pending) < self.STARTUP or len(self.y) < 2:
            return self.space.from_unit(self.sobol.draw(1)[0].numpy())
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood

        torch, d = self.torch, len(self.space)
        x = torch.tensor(np.array(self.x), dtype=torch.double)
        y = -torch.tensor(self.y, dtype=torch.double).unsqueeze(-1)
        y = (y - y.mean()) / y.std().clamp_min(1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SingleTaskGP(x, y)
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            waiting = torch.tensor(np.array([self.space.to_unit(p) for p in pending]), dtype=torch.double)
            acquisition = qLogNoisyExpectedImprovement(
                model, X_baseline=x, prune_baseline=True, X_pending=waiting if len(pending) else None
            )
            bounds = torch.stack([torch.zeros(d), torch.ones(d)]).double()
            best, _ = optimize_acqf(
                acquisition, bounds=bounds, q=1, num_restarts=5, raw_samples=256, options={"maxiter": 100}
            )
        return self.space.from_unit(best[0].numpy())

    def observe(self, params, score, cost, failed=False):
        loss = self.loss(score, failed)
        if loss is not None:
            self.x.append(self.space.to_unit(params))
            self.y.append(loss)


class Hebo(Optimizer):
    def __init__(self, task, seed):
        super().__init__(task, seed)
        import pandas
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        self.pandas = pandas
        self.hebo = HEBO(DesignSpace().parse([self._dimension(p) for p in self.space.params]), scramble_seed=seed)
        np.random.seed(seed)

    @staticmethod
    def _dimension(p: Param) -> dict:
        if p.is_categorical:
            return {"name": p.name, "type": "cat", "categories": list(p.values)}
        if p.distribution == "int_uniform":
            return {"name": p.name, "type": "int", "lb": int(p.min), "ub": int(p.max)}
        if p.distribution == "uniform_pow2":
            return {"name": p.name, "type": "int", "lb": round(np.log2(p.min)), "ub": round(np.log2(p.max))}
        if p.distribution == "log_normal":
            return {"name": p.name, "type": "pow", "lb": p.min, "ub": p.max}
        return {"name": p.name, "type": "num", "lb": p._warp(p.min), "ub": p._warp(p.max)}

    def suggest(self, pending=()):
        row = self.hebo.suggest(n_suggestions=1).iloc[0]
        params = {}
        for p in self.space.params:
            value = row[p.name]
            if p.distribution in ("uniform_pow2", "logit_normal"):
                value = p._unwarp(float(value))
            if not p.is_categorical:
                value = min(max(int(value) if p.distribution == "int_uniform" else float(value), p.min), p.max)
                value = int(value) if p.distribution == "uniform_pow2" else value
            params[p.name] = value
        return params

    def observe(self, params, score, cost, failed=False):
        loss = self.loss(score, failed)
        if loss is None:
            return
        row = {
            p.name: p._warp(params[p.name]) if p.distribution in ("uniform_pow2", "logit_normal") else params[p.name]
            for p in self.space.params
        }
        self.hebo.observe(self.pandas.DataFrame([row]), np.array([[loss]]))


class Smac(Optimizer):
    """SMAC3 hyperparameter-optimization facade (random forest, log EI)."""

    def __init__(self, task, seed):
        super().__init__(task, seed)
        import tempfile

        from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer
        from smac import HyperparameterOptimizationFacade, Scenario

        cs = ConfigurationSpace(seed=seed)
        for p in self.space.params:
            if p.is_categorical:
                cs.add(Categorical(p.name, list(p.values)))
            elif p.distribution == "int_uniform":
                cs.add(Integer(p.name, (int(p.min), int(p.max))))
            elif p.distribution == "uniform_pow2":
                cs.add(Integer(p.name, (round(np.log2(p.min)), round(np.log2(p.max)))))
            elif p.distribution == "log_normal":
                cs.add(Float(p.name, (p.min, p.max), log=True))
            else:
                cs.add(Float(p.name, (p._warp(p.min), p._warp(p.max))))
        scenario = Scenario(
            cs, deterministic=True, n_trials=10_000, seed=seed, output_directory=tempfile.mkdtemp(prefix="smac")
        )
        design = HyperparameterOptimizationFacade.get_initial_design(scenario, n_configs=10)
        self.facade = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, initial_design=design, logging_level=40, overwrite=True
        )
        self.cs, self.asked = cs, {}

    def suggest(self, pending=()):
        info = self.facade.ask()
        params = {}
        for p in self.space.params:
            value = info.config[p.name]
            if p.distribution in ("uniform_pow2", "logit_normal"):
                value = min(max(p._unwarp(value), p.min), p.max)
            params[p.name] = value.item() if hasattr(value, "item") else value
        self.asked[_key(params)] = info
        return params

    def observe(self, params, score, cost, failed=False):
        from ConfigSpace import Configuration
        from smac.runhistory.dataclasses import TrialInfo, TrialValue

        loss = self.loss(score, failed)
        if loss is None:
            return
        info = self.asked.pop(_key(params), None)
        if info is None:
            values = {
                p.name: p._warp(params[p.name])
                if p.distribution in ("uniform_pow2", "logit_normal")
                else params[p.name]
                for p in self.space.params
            }
            values = {
                p.name: round(values[p.name]) if p.distribution == "uniform_pow2" else values[p.name]
                for p in self.space.params
            }
            info = TrialInfo(Configuration(self.cs, values=values), seed=0)
        self.facade.tell(info, TrialValue(cost=loss, time=cost))


class Project(Optimizer):
    """Our own optimizer: its defaults, and the facts that the peers get, too: cost cap, length, whether cost counts."""

    def __init__(self, task, seed):
        super().__init__(task, seed)
        from services.suggester.protein import Protein
        from shared.domain.search_space import SearchSpace

        settings: dict = {"cost_aware": task.max_cost is not None}
        if task.max_cost is not None:
            settings["max_suggestion_cost"] = task.max_cost
        if task.cost_param is not None:
            settings["cost_param"] = task.cost_param
        self.protein = Protein(SearchSpace.from_config(task.parameters), goal=task.goal, settings=settings, seed=seed)

    def suggest(self, pending=()):
        return dict(self.protein.suggest(pending=list(pending)).params)

    def observe(self, params, score, cost, failed=False):
        self.protein.observe(params, score, cost, failed=failed)


def _tpe(samplers, seed):
    return samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)


REGISTRY: dict[str, Callable[[Task, int], Optimizer]] = {
    "random": RandomSearch,
    "optuna-tpe": lambda task, seed: Optuna(task, seed, _tpe),
    "optuna-gp": lambda task, seed: Optuna(task, seed, lambda s, n: s.GPSampler(seed=n)),
    "optuna-cmaes": lambda task, seed: Optuna(task, seed, lambda s, n: s.CmaEsSampler(seed=n)),
    "botorch": BoTorch,
    "hebo": Hebo,
    "smac": Smac,
    "project": Project,
}
