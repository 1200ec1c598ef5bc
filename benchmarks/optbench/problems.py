"""Benchmark problems: a search space and `evaluate(params, rng) -> Outcome`.

`evaluate` is the result that an optimizer sees (noise, failures); `true_score` is the score
without noise, for the regret. Both are pure functions of the parameters (and of the given rng).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from space import Params, Space

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Outcome:
    score: float | None  # None when the run failed
    cost: float
    failed: bool = False


class Problem:
    """One optimization task. Subclasses implement `measure`."""

    noise = 0.0
    cost_param: str | None = None  # dotted path of the parameter that is the length of a run, if there is one

    def __init__(self, name: str, parameters: dict, goal: str = "maximize"):
        self.name, self.goal = name, goal
        self.space = Space(parameters)

    def measure(self, params: Params) -> Outcome:
        raise NotImplementedError

    def measure_many(self, params: list[Params]) -> list[Outcome]:
        return [self.measure(p) for p in params]

    def evaluate(self, params: Params, rng: np.random.Generator) -> Outcome:
        outcome = self.measure(params)
        jitter = self.noise * rng.standard_normal()
        if outcome.failed or not self.noise:
            return outcome
        return Outcome(outcome.score + jitter, outcome.cost)

    def true_score(self, params: Params) -> float | None:
        return self.measure(params).score


# --------------------------------------------------------------------------- tabular surrogates


@functools.cache
def _onnx_session(path: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Surrogate:
    """A YAHPO Gym surrogate: integer-coded categoricals and raw continuous inputs, one row per run."""

    def __init__(self, folder: str, categorical: list[str], continuous: list[str], outputs: list[str]):
        self.path = str(DATA / folder / "model.onnx")
        self.encoding = json.loads((DATA / folder / "encoding.json").read_text())
        self.categorical, self.continuous, self.outputs = categorical, continuous, outputs

    def __call__(self, rows: list[dict]) -> list[dict[str, float]]:
        cat = [[self.encoding[c][r.get(c, "#na#")] for c in self.categorical] for r in rows]
        cont = [[r.get(c, 0.0) for c in self.continuous] for r in rows]
        inputs = {"x_cat": np.array(cat, np.int32), "x_cont": np.array(cont, np.float32)}
        (values,) = _onnx_session(self.path).run(None, inputs)
        return [dict(zip(self.outputs, map(float, row), strict=False)) for row in values]


LCBENCH = Surrogate(
    "lcbench",
    ["OpenML_task_id"],
    ["epoch", "batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout"],
    [
        "time",
        "val_accuracy",
        "val_cross_entropy",
        "val_balanced_accuracy",
        "test_cross_entropy",
        "test_balanced_accuracy",
    ],
)
XGBOOST = Surrogate(
    "rbv2_xgboost",
    ["task_id", "booster", "num.impute.selected.cpo"],
    [
        "nrounds",
        "eta",
        "gamma",
        "lambda",
        "alpha",
        "subsample",
        "max_depth",
        "min_child_weight",
        "colsample_bytree",
        "colsample_bylevel",
        "rate_drop",
        "skip_drop",
        "trainsize",
        "repl",
    ],
    ["acc", "bac", "auc", "brier", "f1", "logloss", "timetrain", "timepredict", "memory"],
)


def _short(params: Params) -> dict:
    return {path.rsplit(".", 1)[-1]: value for path, value in params.items()}


class LCBench(Problem):
    """MLP training on one OpenML task; score = validation accuracy (%), cost = seconds.

    With `tune_epoch` the number of epochs (1..52) is a parameter, otherwise it is 52.
    """

    def __init__(self, task: str, tune_epoch: bool):
        trainer = {
            "batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 512, "mean": 64, "scale": 0.5},
            "optimizer": {
                "learning_rate": {"distribution": "log_normal", "min": 1e-4, "max": 0.1, "mean": 3e-3, "scale": 0.5},
                "momentum": {"distribution": "uniform", "min": 0.1, "max": 0.99, "mean": 0.5, "scale": 0.5},
                "weight_decay": {"distribution": "uniform", "min": 1e-5, "max": 0.1, "mean": 0.05, "scale": 0.5},
            },
        }
        if tune_epoch:
            trainer["epoch"] = {"distribution": "int_uniform", "min": 1, "max": 52, "mean": 13, "scale": 0.5}
            self.cost_param = "trainer.epoch"
        parameters = {
            "trainer": trainer,
            "model": {
                "num_layers": {"distribution": "int_uniform", "min": 1, "max": 5, "mean": 3, "scale": 0.5},
                "max_units": {"distribution": "uniform_pow2", "min": 64, "max": 1024, "mean": 256, "scale": 0.5},
                "max_dropout": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.5, "scale": 0.5},
            },
        }
        super().__init__(f"lcbench-{task}" + ("-epoch" if tune_epoch else ""), parameters)
        self.task = task

    def measure_many(self, params):
        rows = LCBENCH([{"epoch": 52, **_short(p), "OpenML_task_id": self.task} for p in params])
        return [Outcome(r["val_accuracy"], max(r["time"], 0.1)) for r in rows]

    def measure(self, params):
        return self.measure_many([params])[0]


class XGBoost(Problem):
    """Gradient boosting on one OpenML task: 14 mixed parameters, some inactive; score = log loss (minimize)."""

    ONLY_TREES = ("eta", "gamma", "max_depth", "min_child_weight", "colsample_bytree", "colsample_bylevel")
    ONLY_DART = ("rate_drop", "skip_drop")

    def __init__(self, task: str):
        log, uniform = "log_normal", "uniform"

        def box(distribution, low, high, mean):
            return {"distribution": distribution, "min": low, "max": high, "mean": mean, "scale": 0.5}

        parameters = {
            "booster": {"distribution": "categorical", "values": ["gblinear", "gbtree", "dart"]},
            "impute": {"distribution": "categorical", "values": ["impute.mean", "impute.median", "impute.hist"]},
            "nrounds": box(log, 7, 2981, 144),
            "lambda": box(log, 1e-3, 1000, 1),
            "alpha": box(log, 1e-3, 1000, 1),
            "subsample": box(uniform, 0.1, 1, 0.55),
            "tree": {
                "eta": box(log, 1e-3, 1, 0.03),
                "gamma": box(log, 5e-5, 7, 0.018),
                "max_depth": box("int_uniform", 1, 15, 8),
                "min_child_weight": box(log, 2.72, 148, 20),
                "colsample_bytree": box(uniform, 0.01, 1, 0.5),
                "colsample_bylevel": box(uniform, 0.01, 1, 0.5),
                "rate_drop": box(uniform, 0, 1, 0.5),
                "skip_drop": box(uniform, 0, 1, 0.5),
            },
        }
        super().__init__(f"xgboost-{task}", parameters, goal="minimize")
        self.cost_param = "nrounds"
        self.task = task

    def _row(self, params: Params) -> dict:
        row = _short(params)
        row["num.impute.selected.cpo"] = row.pop("impute")
        row["nrounds"] = round(row["nrounds"])
        inactive = {"gblinear": self.ONLY_TREES + self.ONLY_DART, "gbtree": self.ONLY_DART, "dart": ()}
        for name in inactive[row["booster"]]:
            del row[name]
        return {**row, "task_id": self.task, "trainsize": 1.0, "repl": 10}

    def measure_many(self, params):
        rows = XGBOOST([self._row(p) for p in params])
        return [Outcome(r["logloss"], max(r["timetrain"], 0.05)) for r in rows]

    def measure(self, params):
        return self.measure_many([params])[0]


# --------------------------------------------------------------------------- synthetic functions


class Synthetic(Problem):
    """A closed-form function of x within bounds (minimized), with a cost between 1 and 100 units."""

    def __init__(
        self,
        name: str,
        function: Callable[[np.ndarray], float],
        bounds: Iterable[tuple[float, float]],
        noise: float = 0.0,
    ):
        parameters = {
            f"x{i}": {"distribution": "uniform", "min": low, "max": high, "mean": (low + high) / 2, "scale": 0.5}
            for i, (low, high) in enumerate(bounds)
        }
        super().__init__(name, parameters, goal="minimize")
        self.function, self.noise = function, noise

    def measure(self, params):
        x = np.array([params[n] for n in self.space.names])
        u = self.space.to_unit(params)
        return Outcome(float(self.function(x)), float(10 ** (u[0] + u[1])))


def branin(x):
    a, b = x
    return (
        (b - 5.1 * a**2 / (4 * math.pi**2) + 5 * a / math.pi - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10
    )


_H_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_H_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_H_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])


def hartmann6(x):
    return -float(_H_ALPHA @ np.exp(-np.sum(_H_A * (x - _H_P) ** 2, axis=1)))


def griewank(x):
    return float(np.sum(x**2) / 4000 - np.prod(np.cos(x / np.sqrt(np.arange(1, len(x) + 1)))) + 1)


def levy(x):
    w = 1 + (x - 1) / 4
    ends = math.sin(math.pi * w[0]) ** 2 + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return float(ends + np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2)))


def michalewicz(x):
    return -float(np.sum(np.sin(x) * np.sin(np.arange(1, len(x) + 1) * x**2 / math.pi) ** 20))


def ackley(x):
    far = -20 * math.exp(-0.2 * math.sqrt(np.mean(x**2)))
    return far - math.exp(np.mean(np.cos(2 * math.pi * x))) + 20 + math.e


class PPOLandscape(Problem):
    """A function of 11 parameters, similar to tuning PPO (score about 0..100, maximize).

    The best learning rate depends on batch size and update epochs, discount and GAE depend on each
    other, the score saturates with training time, aggressive settings diverge (about 10% of the
    space), and the cost grows with total_timesteps and update_epochs over three orders of magnitude.
    """

    noise = 1.5
    cost_param = "trainer.total_timesteps"

    def __init__(self, name: str = "ppo11", seed: int = 11):
        def box(distribution, low, high, mean):
            return {"distribution": distribution, "min": low, "max": high, "mean": mean, "scale": 0.5}

        parameters = {
            "trainer": {
                "total_timesteps": box("log_normal", 1e6, 3e8, 1e7),
                "batch_size": box("uniform_pow2", 4096, 524288, 65536),
                "minibatch_size": box("uniform_pow2", 512, 32768, 4096),
                "update_epochs": box("int_uniform", 1, 8, 2),
                "optimizer": {"learning_rate": box("log_normal", 1e-5, 1e-1, 1e-3)},
                "gamma": box("logit_normal", 0.8, 0.9999, 0.98),
                "gae_lambda": box("logit_normal", 0.5, 0.995, 0.9),
                "ent_coef": box("log_normal", 1e-5, 1e-1, 1e-3),
                "vf_coef": box("uniform", 0.0, 2.0, 1.0),
                "clip_coef": box("uniform", 0.01, 0.5, 0.25),
                "max_grad_norm": box("uniform", 0.1, 5.0, 2.5),
            }
        }
        super().__init__(name, parameters)
        rng = np.random.default_rng(seed)
        self.shift = rng.uniform(-0.5, 0.5, len(self.space))
        self.diverge_at = 0.0
        self.diverge_at = float(
            np.quantile([self._aggression(self._z(self.space.sample(rng))) for _ in range(4000)], 0.9)
        )

    def _z(self, params: Params) -> dict[str, float]:
        names = (n.rsplit(".", 1)[-1] for n in self.space.names)
        return dict(zip(names, 2 * self.space.to_unit(params) - 1, strict=False))

    @staticmethod
    def _aggression(z) -> float:
        return (
            1.2 * z["learning_rate"]
            + 0.6 * z["update_epochs"]
            + 0.5 * z["clip_coef"]
            + 0.5 * z["max_grad_norm"]
            - 0.4 * z["batch_size"]
        )

    def measure(self, params):
        z = self._z(params)
        s = dict(zip(z, self.shift, strict=False))
        epochs, steps = params["trainer.update_epochs"], params["trainer.total_timesteps"]
        cost = steps / 1e6 * (0.6 + 0.4 * epochs) * (1 + 0.1 * z["minibatch_size"] ** 2 - 0.1 * z["minibatch_size"])
        if self._aggression(z) > self.diverge_at:
            return Outcome(None, 0.3 * cost, failed=True)
        misfit = (
            3.0 * (z["learning_rate"] - s["learning_rate"] - 0.5 * z["batch_size"] + 0.3 * z["update_epochs"]) ** 2
            + 2.0 * (z["gamma"] - s["gamma"] + 0.4 * (z["gae_lambda"] - s["gae_lambda"])) ** 2
            + 0.8 * (z["gae_lambda"] - s["gae_lambda"]) ** 2
            + 1.2 * (z["ent_coef"] - s["ent_coef"]) ** 2
            + 0.7 * (z["clip_coef"] - s["clip_coef"]) ** 2
            + 0.4 * (z["minibatch_size"] - 0.6 * z["batch_size"] - s["minibatch_size"]) ** 2
            + 0.3 * abs(z["vf_coef"] - s["vf_coef"])
            + 0.1 * abs(z["max_grad_norm"] - s["max_grad_norm"])
            + 0.15 * (1 - math.cos(5 * (z["ent_coef"] - s["ent_coef"])))
        )
        quality = math.exp(-0.6 * misfit)
        learned = 1 - math.exp(-2.5 * (steps / 5e7 * quality * epochs**0.4) ** 0.6)
        return Outcome(100 * quality**0.7 * learned, cost)


class Bowl(Problem):
    """A one-parameter sanity check: every optimizer that learns must solve it, in either direction."""

    def __init__(self, goal: str):
        super().__init__(
            f"bowl-{goal}", {"x": {"distribution": "uniform", "min": 0, "max": 1, "mean": 0.5, "scale": 0.5}}, goal
        )
        self.sign = 1 if goal == "minimize" else -1

    def measure(self, params):
        return Outcome(self.sign * (params["x"] - 0.23) ** 2, 1.0 + params["x"])


# --------------------------------------------------------------------------- suites

LCBENCH_TASKS = ["3945", "34539", "126026", "167168", "168330", "189866"]
SECOND_TASKS = ["7593", "126029", "146212", "167190", "168331", "168910", "189873", "189909"]


EXTRA: dict[str, Callable[[], Problem]] = {}  # problems registered from outside this package


def make(name: str) -> Problem:
    if name in EXTRA:
        return EXTRA[name]()
    kind, _, rest = name.partition("-")
    if kind == "ppo11" and rest:
        return PPOLandscape(name, seed=int(rest))
    if kind == "lcbench":
        task, _, epoch = rest.partition("-")
        return LCBench(task, tune_epoch=bool(epoch))
    if kind == "xgboost":
        return XGBoost(rest)
    if kind == "bowl":
        return Bowl(rest)
    return {
        "branin": lambda: Synthetic("branin", branin, [(-5, 10), (0, 15)]),
        "hartmann6": lambda: Synthetic("hartmann6", hartmann6, [(0, 1)] * 6),
        "griewank4": lambda: Synthetic("griewank4", griewank, [(-50, 60)] * 4),
        "levy5": lambda: Synthetic("levy5", levy, [(-10, 10)] * 5),
        "michalewicz4": lambda: Synthetic("michalewicz4", michalewicz, [(0, math.pi)] * 4),
        "ackley6": lambda: Synthetic("ackley6", ackley, [(-15, 30)] * 6),
        "noisy-hartmann6": lambda: Synthetic("noisy-hartmann6", hartmann6, [(0, 1)] * 6, noise=0.2),
        "ppo11": PPOLandscape,
    }[name]()


SEQUENTIAL = ["branin", "hartmann6", "ppo11", "xgboost-41143", *(f"lcbench-{t}" for t in LCBENCH_TASKS)]
COST = ["hartmann6", "ppo11", "xgboost-41143", *(f"lcbench-{t}-epoch" for t in LCBENCH_TASKS)]
SECOND_OTHERS = ["levy5", "ppo11-23", "ppo11-57", "xgboost-1489", "xgboost-40981", "xgboost-4538"]
SECOND_SEQUENTIAL = [
    *("griewank4", "michalewicz4", "ackley6", "noisy-hartmann6"),
    *SECOND_OTHERS,
    *(f"lcbench-{t}" for t in SECOND_TASKS),
]
SECOND_COST = [*SECOND_OTHERS, *(f"lcbench-{t}-epoch" for t in SECOND_TASKS)]

SUITES = {
    "public": {"sequential": SEQUENTIAL, "cost": COST, "async": COST, "latency": ["ppo11"]},
    "second": {"sequential": SECOND_SEQUENTIAL, "cost": SECOND_COST, "async": SECOND_COST},
    "all": {"sequential": SEQUENTIAL + SECOND_SEQUENTIAL, "cost": COST + SECOND_COST, "async": COST + SECOND_COST},
    "sanity": {"sequential": ["bowl-maximize", "bowl-minimize"]},
}
REFERENCE_FILES = [DATA / "references.json"]
