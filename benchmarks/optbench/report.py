"""Aggregates result files into Markdown tables.

Optimizers are compared on the (problem, seed) pairs that all of them ran. Intervals are 95%
bootstrap intervals: problems are resampled first, then seeds within each problem.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from protocols import CHECKPOINTS, LATENCY_SIZES

METRICS = {
    "sequential": {**{f"regret@{n}": (lambda r, n=n: r["regrets"][:n][-1]) for n in CHECKPOINTS}},
    "cost": {
        "final regret": lambda r: r["regrets"][-1] if r["regrets"] else 1.0,
        "AUC": lambda r: r["auc"],
        "hypervolume": lambda r: r["hypervolume"],
        "runs": lambda r: len(r["regrets"]),
    },
    "async": {"final regret": lambda r: r["regrets"][-1], "hypervolume": lambda r: r["hypervolume"]},
}
RANKED = {"sequential": ("regret@50", 1), "cost": ("AUC", 1), "async": ("final regret", 1)}


def load(paths: list[str]) -> list[dict]:
    runs = {}
    for path in paths:
        with Path(path).open() as file:
            for run in json.load(file)["runs"]:
                if "error" not in run:
                    runs[run["suite"], run["protocol"], run["problem"], run["optimizer"], run["seed"]] = run
    return list(runs.values())


def _interval(table: np.ndarray, groups: np.ndarray, rng, rounds=2000) -> tuple[float, float]:
    """Return the bootstrap interval of the mean over problems of the mean over seeds; `groups` are the problems."""
    rows = [table[groups == g] for g in np.unique(groups)]
    means = np.stack([r[rng.integers(len(r), size=(rounds, len(r)))].mean(axis=1) for r in rows])
    chosen = rng.integers(len(rows), size=(len(rows), rounds))
    return tuple(np.quantile(np.take_along_axis(means, chosen, axis=0).mean(axis=0), [0.025, 0.975]))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks in each row, 1 for the smallest; ties share the mean rank."""
    below = (values[:, None, :] < values[:, :, None]).sum(axis=2)
    same = (values[:, None, :] == values[:, :, None]).sum(axis=2)
    return below + (same + 1) / 2


def comparison(runs: list[dict], protocol: str) -> str:
    values = defaultdict(dict)
    for run in runs:
        values[run["optimizer"]][run["problem"], run["seed"]] = run
    names = sorted(values)
    pairs = sorted(set.intersection(*(set(values[n]) for n in names)))
    if not pairs:
        return "_no (problem, seed) pair was run by all of these optimizers_\n"
    groups = np.array([p for p, _ in pairs])
    metrics, (ranked, _), rng = METRICS[protocol], RANKED[protocol], np.random.default_rng(0)
    data = {m: np.array([[f(values[n][pair]) for n in names] for pair in pairs], float) for m, f in metrics.items()}
    ranks = _ranks(data[ranked])
    problem_means = {m: np.stack([data[m][groups == g].mean(axis=0) for g in np.unique(groups)]) for m in metrics}
    order = np.argsort(problem_means[ranked].mean(axis=0))
    seeds = sorted({s for _, s in pairs})
    lines = [
        f"{len(set(groups))} problems, {len(pairs)} runs each (seeds {seeds[0]}..{seeds[-1]}); "
        f"ranked by {ranked}. Problems: {', '.join(sorted(set(groups)))}.",
        "",
        "| optimizer | " + " | ".join(metrics) + f" | median {ranked} | mean rank | s/suggest |",
        "|---" * (len(metrics) + 4) + "|",
    ]
    for i in order:
        cells = []
        for metric in metrics:
            mean = problem_means[metric][:, i].mean()
            if metric == "runs":
                cells.append(f"{mean:.0f}")
                continue
            low, high = _interval(data[metric][:, i], groups, rng)
            cells.append(f"{mean:.3f} [{low:.3f}, {high:.3f}]")
        low, high = _interval(ranks[:, i], groups, rng)
        rank = np.mean([ranks[groups == g, i].mean() for g in np.unique(groups)])
        seconds = np.mean([values[names[i]][p]["suggest_seconds"] for p in pairs])
        lines.append(
            f"| {names[i]} | " + " | ".join(cells) + f" | {np.median(data[ranked][:, i]):.3f} "
            f"| {rank:.2f} [{low:.2f}, {high:.2f}] | {seconds:.2f} |"
        )
    return "\n".join(lines) + "\n"


def paired(runs: list[dict], protocol: str, ours: str = "project") -> str:
    """Differences between `ours` and each other optimizer on the (problem, seed) pairs that both ran."""
    values = defaultdict(dict)
    for run in runs:
        values[run["optimizer"]][run["problem"], run["seed"]] = run
    if ours not in values or len(values) < 2:
        return ""
    metrics = {name: of for name, of in METRICS[protocol].items() if name != "runs"}
    lines = [
        f"{ours} minus each other optimizer, on the same (problem, seed); an interval without 0 is a difference.",
        "",
        f"| {ours} minus | pairs | " + " | ".join(metrics) + " |",
        "|---" * (len(metrics) + 2) + "|",
    ]
    for name in sorted(set(values) - {ours}):
        pairs, rng = sorted(values[ours].keys() & values[name].keys()), np.random.default_rng(0)
        groups, cells = np.array([problem for problem, _ in pairs]), []
        for of in metrics.values():
            gaps = np.array([of(values[ours][pair]) - of(values[name][pair]) for pair in pairs], float)
            mean = np.mean([gaps[groups == group].mean() for group in np.unique(groups)])
            low, high = _interval(gaps, groups, rng)
            cells.append(f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {name} | {len(pairs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def per_problem(runs: list[dict], protocol: str) -> str:
    metric = RANKED[protocol][0]
    cells = defaultdict(list)
    for run in runs:
        cells[run["problem"], run["optimizer"]].append(METRICS[protocol][metric](run))
    names, rows = sorted({o for _, o in cells}), sorted({p for p, _ in cells})
    lines = [
        f"Mean {metric} per problem (number of seeds):",
        "",
        "| problem | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for problem in rows:
        found = [cells.get((problem, n)) for n in names]
        lines.append(f"| {problem} | " + " | ".join(f"{np.mean(c):.3f} ({len(c)})" if c else "" for c in found) + " |")
    return "\n".join(lines) + "\n"


def latencies(runs: list[dict]) -> str:
    head = "| optimizer | " + " | ".join(f"n={n}" for n in LATENCY_SIZES) + " |"
    rule = "|---" * (len(LATENCY_SIZES) + 1) + "|"
    lines = ["Seconds for one observe + suggest with n known runs.", "", head, rule]
    for run in sorted(runs, key=lambda r: r["optimizer"]):
        cells = [f"{run['latency'][str(n)]:.3g}" if str(n) in run["latency"] else "-" for n in LATENCY_SIZES]
        lines.append(f"| {run['optimizer']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def tables(paths: list[str], only: set[str] | None = None, problems: set[str] | None = None) -> str:
    sections = defaultdict(list)
    for run in load(paths):
        if (not only or run["optimizer"] in only) and (not problems or run["problem"] in problems):
            sections[run["suite"], run["protocol"]].append(run)
    text = []
    for (suite, protocol), runs in sorted(sections.items()):
        text.append(f"## {suite}: {protocol}\n")
        if protocol == "latency":
            text.append(latencies(runs))
        else:
            text += [comparison(runs, protocol), paired(runs, protocol), per_problem(runs, protocol)]
    return "\n".join(text)
