"""Measures the effect of replicates: the regret of the best configuration with and without them, at equal evaluations.

PYTHONPATH=. python benchmarks/optbench/noisy.py --out benchmarks/optbench/results/noisy.json
PYTHONPATH=. python benchmarks/optbench/noisy.py table benchmarks/optbench/results/noisy.json
"""

from __future__ import annotations

# ruff: noqa: E402 (the number of threads is set before numpy is loaded)
import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import json
import multiprocessing
import sys
import warnings
from pathlib import Path

import numpy as np
import problems
import protocols

LOOKS = (40, 60, 100)  # numbers of evaluations after which the best configuration is read


def make(name: str) -> problems.Problem:
    """Return a problem with noise from a name such as `hartmann6@0.5`."""
    kind, _, noise = name.partition("@")
    problem = problems.make(kind)
    problem.noise = float(noise)
    return problem


def run_one(job: dict) -> dict:
    """Run one sequential sweep without costs; at each look record the best configuration and its bounds."""
    from services.suggester.protein import Protein
    from shared.domain.configuration import Outcome
    from shared.domain.search_space import SearchSpace

    warnings.simplefilter("ignore")
    problem, reference = make(job["problem"]), protocols.load_references()[job["problem"].partition("@")[0]]
    settings = {"cost_aware": False, "max_replicates": job["max_replicates"]}
    space = SearchSpace.from_config(problem.space.parameters)
    protein = Protein(space, goal=problem.goal, settings=settings, seed=job["seed"])
    rng = np.random.default_rng([job["seed"], 7])
    outcomes, repeated, looks = [], 0, {}
    for number in range(1, job["evaluations"] + 1):
        suggestion = protein.suggest()
        found = problem.evaluate(suggestion.params, rng)
        protein.observe(suggestion.params, found.score, found.cost, failed=found.failed)
        repeated += suggestion.source == "replicate"
        if not found.failed:
            outcomes.append(Outcome(number, suggestion.params, found.score, found.cost))
        if number in LOOKS:
            looks[number] = {"replicates": repeated, **look(problem, reference, outcomes, suggestion.memory)}
    return {**job, "looks": looks}


def look(problem: problems.Problem, reference: dict, outcomes: list, memory: dict) -> dict:
    from shared.domain.configuration import best_first

    best = best_first(outcomes, goal=problem.goal, memory=memory)[0]
    params = {outcome.run: outcome.params for outcome in outcomes}
    luckiest = (max if problem.goal == "maximize" else min)(outcomes, key=lambda outcome: outcome.score)
    worth = problem.true_score(params[best.runs[0]])
    return {
        "regret": round(protocols.regret(problem, reference, worth), 5),
        "regret of the luckiest run": round(
            protocols.regret(problem, reference, problem.true_score(luckiest.params)), 5
        ),
        "runs": len(best.runs),
        "bounds hold": None if best.low is None else bool(best.low <= worth <= best.high),
        "width": None if best.low is None else round((best.high - best.low) / problem.noise, 3),
    }


def table(runs: list[dict]) -> str:
    """Return a row for each problem and look: mean regrets, and their paired difference with a bootstrap interval.

    Further columns: how many runs were replicates, the median width of the bounds in standard deviations of the noise,
    and how often the bounds held, among the sweeps that have bounds.
    """
    counts = sorted({run["max_replicates"] for run in runs})
    head = ["problem", "evaluations", "pairs", *(f"regret, {k}" for k in counts)]
    head += [f"{k} less 1" for k in counts[1:]] + ["replicates", *(f"width, {k}" for k in counts), "bounds hold"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for problem in sorted({run["problem"] for run in runs}):
        for at in LOOKS:
            found = {
                k: {run["seed"]: run["looks"][str(at)] for run in _of(runs, problem, k) if str(at) in run["looks"]}
                for k in counts
            }
            seeds = sorted(set.intersection(*(set(by_seed) for by_seed in found.values())))
            if seeds:
                lines.append("| " + " | ".join(_row(problem, at, seeds, found)) + " |")
    return "\n".join(lines)


def _row(problem: str, at: int, seeds: list[int], found: dict[int, dict[int, dict]]) -> list[str]:
    first, *others = sorted(found)
    regrets = {k: np.array([found[k][seed]["regret"] for seed in seeds]) for k in found}
    held = [found[k][seed]["bounds hold"] for k in found for seed in seeds]
    known = [holds for holds in held if holds is not None]
    spent = [np.mean([found[k][seed]["replicates"] for seed in seeds]) for k in others]
    return [
        problem,
        str(at),
        str(len(seeds)),
        *(f"{regrets[k].mean():.3f}" for k in sorted(found)),
        *(_difference(regrets[k] - regrets[first]) for k in others),
        ", ".join(f"{count:.1f}" for count in spent),
        *(_width([found[k][seed]["width"] for seed in seeds]) for k in sorted(found)),
        f"{sum(known)} of {len(known)}, without bounds {len(held) - len(known)}",
    ]


def _width(widths: list[float | None]) -> str:
    known = [width for width in widths if width is not None]
    return f"{np.median(known):.1f}" if known else "-"


def _difference(gaps: np.ndarray) -> str:
    rng = np.random.default_rng(0)
    means = gaps[rng.integers(len(gaps), size=(5000, len(gaps)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{gaps.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def _of(runs: list[dict], problem: str, max_replicates: int) -> list[dict]:
    return [run for run in runs if run["problem"] == problem and run["max_replicates"] == max_replicates]


def main() -> None:
    if sys.argv[1:2] == ["table"]:
        print(table([run for path in sys.argv[2:] for run in json.loads(Path(path).read_text())["runs"]]))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", default="hartmann6@0.2,hartmann6@0.5,ppo11@5", help="names with their noise")
    parser.add_argument("--max-replicates", default="1,3", help="settings to compare, comma separated")
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    jobs = [
        {"problem": problem, "max_replicates": int(k), "seed": seed, "evaluations": args.evaluations}
        for seed in range(args.seeds)
        for problem in args.problems.split(",")
        for k in args.max_replicates.split(",")
    ]
    out, runs = Path(args.out), []
    with multiprocessing.get_context("spawn").Pool(args.jobs) as pool:
        for number, result in enumerate(pool.imap_unordered(run_one, jobs), 1):
            runs.append(result)
            out.write_text(json.dumps({"runs": runs}))
            print(f"[{number}/{len(jobs)}]", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
