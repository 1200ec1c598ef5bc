"""Measures the effect of `gp_max_obs`, the most runs that a surrogate sees: regret, and seconds with thousands of runs.

PYTHONPATH=. python benchmarks/optbench/many.py --out benchmarks/optbench/results/many.json
PYTHONPATH=. python benchmarks/optbench/many.py table benchmarks/optbench/results/many.json

Time: the latency protocol with up to 5 000 known runs. Regret: long sequential searches in which the surrogates see 100
runs, and the same with all of them.
"""

from __future__ import annotations

import run  # first: it sets the number of threads

# isort: split
import argparse
import functools
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import optimizers
import protocols

SIZES = (1000, 2000, 5000)
FEW, ALL = 100, 1200
PROBLEMS = "hartmann6,ppo11,lcbench-168330,griewank4,xgboost-41143"
EVALUATIONS = 300


class Seeing(optimizers.Project):
    """Our own optimizer with surrogates that see `most` runs."""

    def __init__(self, task, seed, most):
        super().__init__(task, seed)
        self.protein.settings = self.protein.settings.model_copy(update={"gp_max_obs": most})


def measure(args) -> None:
    for most in (FEW, ALL):
        optimizers.REGISTRY[f"project-{most}"] = functools.partial(Seeing, most=most)
    protocols.LATENCY_SIZES = SIZES
    protocols.PROTOCOLS["latency"] = functools.partial(protocols.latency, evaluations=max(SIZES))
    common = ["run", "--jobs", str(args.jobs), "--out", args.out]
    run.main([*common, "--protocol", "latency", "--problems", "ppo11", "--optimizers", "project", "--seeds", "1"])
    searches = ["--protocol", "sequential", "--problems", PROBLEMS, "--optimizers", f"project-{FEW},project-{ALL}"]
    run.main([*common, *searches, "--seeds", str(args.seeds), "--evaluations", str(EVALUATIONS), "--suite", "all"])


def table(runs: list[dict]) -> str:
    """Return both measurements as Markdown."""
    seconds = next(found["latency"] for found in runs if found["protocol"] == "latency")
    found = defaultdict(dict)
    for one in runs:
        if one["protocol"] == "sequential":
            found[one["problem"], one["seed"]][one["optimizer"]] = one["regrets"][-1]
    lines = [
        "| " + " | ".join(f"n = {size}" for size in SIZES) + " |",
        "|---" * len(SIZES) + "|",
        "| " + " | ".join(f"{seconds[str(size)]:.2f} s" for size in SIZES) + " |",
        "",
        f"| regret after {EVALUATIONS} | pairs | surrogates see {FEW} | all | difference, 95 % |",
        "|---|---|---|---|---|",
    ]
    names = sorted({problem for problem, _ in found})
    for name in [*names, "all"]:
        pairs = [pair for (problem, _), pair in found.items() if name in (problem, "all") and len(pair) == 2]
        few, every = (np.array([pair[f"project-{most}"] for pair in pairs]) for most in (FEW, ALL))
        draws = np.random.default_rng(0).integers(len(pairs), size=(5000, len(pairs)))
        low, high = np.quantile((few - every)[draws].mean(axis=1), [0.025, 0.975])
        gap = f"{(few - every).mean():+.4f} [{low:+.4f}, {high:+.4f}]"
        lines.append(f"| {name} | {len(pairs)} | {few.mean():.4f} | {every.mean():.4f} | {gap} |")
    return "\n".join(lines)


def main() -> None:
    if sys.argv[1:2] == ["table"]:
        print(table([one for path in sys.argv[2:] for one in json.loads(Path(path).read_text())["runs"]]))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", required=True)
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
