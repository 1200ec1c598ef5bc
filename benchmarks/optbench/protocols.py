"""The four measurements. Each returns plain data for one (problem, optimizer, seed)."""

from __future__ import annotations

import heapq
import json
import math
import time
from pathlib import Path

import numpy as np
import problems
from optimizers import REGISTRY, Optimizer, Task
from problems import Problem

CHECKPOINTS = (10, 25, 50)
COST_BUDGET = 25.0  # in runs of median full-fidelity cost
WORKERS, ASYNC_EVALUATIONS = 8, 64
LATENCY_SIZES = (20, 100, 300, 1000)


# --------------------------------------------------------------------------- references


def compute_reference(problem: Problem, samples: int = 20_000, seed: int = 0) -> dict:
    """Return best and median score, cost range and the hypervolume of random points, from random and local search."""
    rng, d = np.random.default_rng(seed), len(problem.space)
    sign = 1.0 if problem.goal == "minimize" else -1.0

    def losses(units):
        outcomes = problem.measure_many([problem.space.from_unit(u) for u in units])
        return np.array([math.inf if o.failed else sign * o.score for o in outcomes]), [o.cost for o in outcomes]

    units = rng.random((samples, d))
    loss, cost = losses(units)
    full = units.copy()
    if problem.cost_param:
        full[:, problem.space.names.index(problem.cost_param)] = 1.0
    full_cost = losses(full[:2000])[1]
    best = float(loss.min())
    for start in units[np.argsort(loss)[:12]]:
        here, value, step = start, losses([start])[0][0], 0.2
        while step > 1e-4:
            moves = here + step * rng.standard_normal((64, d)) * (rng.random((64, d)) < max(0.3, 1.5 / d))
            moves = np.clip(moves, 0, 1)
            found = losses(moves)[0]
            if found.min() < value:
                here, value = moves[found.argmin()], float(found.min())
            else:
                step *= 0.7
        best = min(best, value)
    finished = np.isfinite(loss)
    reference = {
        "best": sign * best,
        "median": sign * float(np.median(loss[finished])),
        "failure_rate": float(1 - finished.mean()),
        "full_cost": float(np.median(full_cost)),
        "cost_low": float(np.quantile(cost, 0.001)),
        "cost_high": float(max(np.max(cost), np.max(full_cost))),
    }
    pairs = zip(loss[finished], np.array(cost)[finished], strict=False)
    points = [(regret(problem, reference, sign * v), c) for v, c in pairs]
    reference["hypervolume"] = hypervolume(points, reference)
    return reference


def load_references() -> dict:
    found = {}
    for path in problems.REFERENCE_FILES:
        if Path(path).exists():
            found.update(json.loads(Path(path).read_text()))
    return found


def regret(problem: Problem, reference: dict, score: float | None) -> float:
    """Return the normalised simple regret, clipped to [0, 1]: 0 at the reference best, 1 at the random median."""
    if score is None or not math.isfinite(score):
        return 1.0
    gap = (reference["best"] - score) / (reference["best"] - reference["median"])
    return float(min(max(gap, 0.0), 1.0))


def hypervolume(points: list[tuple[float, float]], reference: dict) -> float:
    """Return the area that (regret, log cost) points dominate in the unit square of the reference ranges."""
    low, high = math.log(reference["cost_low"]), math.log(reference["cost_high"])
    scaled = sorted((min(max((math.log(c) - low) / (high - low), 0.0), 1.0), r) for r, c in points)
    area, level = 0.0, 1.0
    for x, r in scaled:
        if r < level:
            area += (level - r) * (1.0 - x)
            level = r
    return area


# --------------------------------------------------------------------------- running


class Session:
    """One optimizer on one problem: evaluates, records, and computes the true regret of the incumbent."""

    def __init__(self, problem: Problem, optimizer: str, seed: int, reference: dict, max_cost: float | None = None):
        self.problem, self.reference = problem, reference
        task = Task(problem.space.parameters, problem.goal, problem.cost_param, max_cost)
        self.optimizer: Optimizer = REGISTRY[optimizer](task, seed)
        self.rng = np.random.default_rng([seed, 7])
        self.sign = 1.0 if problem.goal == "minimize" else -1.0
        self.regrets: list[float] = []  # of the incumbent after each observation
        self.costs: list[float] = []
        self.points: list[tuple[float, float]] = []  # (true regret, cost) of each finished run
        self.seconds: list[float] = []  # optimizer time per suggestion
        self._incumbent, self._incumbent_regret = math.inf, 1.0

    def suggest(self, pending=()):
        started = time.perf_counter()
        params = self.optimizer.suggest(pending)
        self.seconds.append(time.perf_counter() - started)
        return params

    def evaluate(self, params):
        return self.problem.evaluate(params, self.rng)

    def observe(self, params, outcome):
        started = time.perf_counter()
        self.optimizer.observe(params, outcome.score, outcome.cost, outcome.failed)
        if self.seconds:
            self.seconds[-1] += time.perf_counter() - started
        if not outcome.failed:
            true = regret(self.problem, self.reference, self.problem.true_score(params))
            self.points.append((true, outcome.cost))
            if self.sign * outcome.score < self._incumbent:
                self._incumbent, self._incumbent_regret = self.sign * outcome.score, true
        self.costs.append(outcome.cost)
        self.regrets.append(self._incumbent_regret)

    def record(self, **extra) -> dict:
        return {
            "regrets": [round(r, 5) for r in self.regrets],
            "costs": [float(f"{c:.5g}") for c in self.costs],
            "hypervolume": round(hypervolume(self.points, self.reference) / self.reference["hypervolume"], 5),
            "suggest_seconds": round(float(np.mean(self.seconds)), 4),
            **extra,
        }


def sequential(problem, optimizer, seed, reference, evaluations=50) -> dict:
    session = Session(problem, optimizer, seed, reference)
    for _ in range(evaluations):
        params = session.suggest()
        session.observe(params, session.evaluate(params))
    return session.record()


def cost(problem, optimizer, seed, reference, evaluations=100, session_type=Session) -> dict:
    """Run until the cost budget is spent (or `evaluations` runs, to limit slow optimizers)."""
    budget = COST_BUDGET * reference["full_cost"]
    session, spent = session_type(problem, optimizer, seed, reference, max_cost=reference["cost_high"]), 0.0
    while len(session.costs) < evaluations:
        params = session.suggest()
        outcome = session.evaluate(params)
        if spent + outcome.cost > budget:
            break
        spent += outcome.cost
        session.observe(params, outcome)
    return session.record(
        auc=round(area_under_regret(session, budget), 5), budget=budget, spent=round(spent / budget, 4)
    )


def area_under_regret(session: Session, budget: float) -> float:
    """Return the mean regret over log cumulative cost, from 1/50 of the budget (half a full run) to all of it."""
    start = budget / (2 * COST_BUDGET)
    edges, levels = [start], [1.0]
    for total, level in zip(np.cumsum(session.costs), session.regrets, strict=False):
        if total <= start:
            levels[0] = level
        else:
            edges.append(total)
            levels.append(level)
    edges.append(budget)
    widths = np.diff(np.log(edges))
    return float(np.dot(widths, levels) / math.log(budget / start))


def asynchronous(problem, optimizer, seed, reference, evaluations=ASYNC_EVALUATIONS) -> dict:
    """Simulate WORKERS workers; a run lasts as long as it costs, suggestions take no simulated time."""
    session = Session(problem, optimizer, seed, reference)
    now, started, clock = 0.0, 0, []
    running: list[tuple[float, int, dict, object]] = []
    while started < evaluations or running:
        while started < evaluations and len(running) < WORKERS:
            params = session.suggest([r[2] for r in running])
            outcome = session.evaluate(params)
            heapq.heappush(running, (now + outcome.cost, started, params, outcome))
            started += 1
        now, _, params, outcome = heapq.heappop(running)
        session.observe(params, outcome)
        clock.append(float(f"{now:.5g}"))
    return session.record(clock=clock)


def latency(problem, optimizer, seed, reference, evaluations=max(LATENCY_SIZES), repeats=3, give_up=60.0) -> dict:  # noqa: B008
    """Measure seconds for one observe + suggest with n known random runs (median of a few)."""
    session = Session(problem, optimizer, seed, reference, max_cost=reference["cost_high"])
    rng, known, medians = np.random.default_rng([seed, 13]), 0, {}
    for size in (n for n in LATENCY_SIZES if n <= evaluations):
        while known < size:
            params = problem.space.sample(rng)
            session.observe(params, session.evaluate(params))
            known += 1
        session.suggest()  # first call at this size: caches, compilation
        times = []
        for _ in range(repeats):
            params = problem.space.sample(rng)
            outcome, begun = session.evaluate(params), time.perf_counter()
            session.optimizer.observe(params, outcome.score, outcome.cost, outcome.failed)
            session.optimizer.suggest()
            times.append(time.perf_counter() - begun)
            if times[-1] > give_up / 3:
                break
        known += len(times)
        medians[str(size)] = round(float(np.median(times)), 4)
        if medians[str(size)] > give_up:
            break
    return {"latency": medians}


PROTOCOLS = {"sequential": sequential, "cost": cost, "async": asynchronous, "latency": latency}
