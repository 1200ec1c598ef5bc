"""Measures whether Protein searches better if the curve of a run counts as shorter runs, by the cost protocol.

PYTHONPATH=. python benchmarks/optbench/curves.py --seeds 3 --jobs 2 --out benchmarks/optbench/results/curves.json

The problems are those that tune the epochs of a network: they give the score and the cost of a run after fewer epochs,
which is its curve. The options are those of run.py; a table of paired differences is printed at the end.
"""

from __future__ import annotations

import run  # first: it sets the number of threads

# isort: split
import functools
import sys
from pathlib import Path

import optimizers
import problems
import protocols
import report

from shared.domain.learning_curve import SHARES

PROBLEMS = [f"lcbench-{task}-epoch" for task in problems.LCBENCH_TASKS]


class ProjectWithCurves(optimizers.Project):
    """Our own optimizer; the session observes shorter runs, too."""


class Session(protocols.Session):
    """Lets a `ProjectWithCurves` observe the score and cost of each run after an eighth, a quarter and half of it."""

    def observe(self, params, outcome):
        super().observe(params, outcome)
        path = self.problem.cost_param
        if isinstance(self.optimizer, ProjectWithCurves) and not outcome.failed:
            lengths = {round(share * params[path]) for share in SHARES} - {0, params[path]}
            for length in sorted(lengths):
                shorter = {**params, path: length}
                point = self.problem.measure(shorter)
                self.optimizer.protein.observe(shorter, point.score, point.cost, partial=True)


def main(argv: list[str]) -> None:
    optimizers.REGISTRY["project-curves"] = ProjectWithCurves
    protocols.PROTOCOLS["cost"] = functools.partial(protocols.cost, session_type=Session)
    usual = ["--protocol", "cost", "--optimizers", "project,project-curves", "--problems", ",".join(PROBLEMS)]
    run.main(["run", *usual, *argv])
    out = argv[argv.index("--out") + 1]
    print(report.paired(report.load([str(Path(out))]), "cost", ours="project-curves"))


if __name__ == "__main__":
    main(sys.argv[1:])
