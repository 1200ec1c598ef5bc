"""Command line: run a protocol, tabulate results, or recompute the references.

python run.py --suite public --protocol sequential --optimizers optuna-tpe,project --out results/x.json
python run.py table results/*.json
python run.py references
"""

from __future__ import annotations

# ruff: noqa: E402 (the number of threads is set before numpy is loaded)
import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import contextlib
import io
import json
import multiprocessing
import random
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import problems
import protocols
import report


def run_one(job: dict) -> dict:
    """Run one (problem, optimizer, seed) in a new process, without the output of the optimizer."""
    warnings.simplefilter("ignore")
    random.seed(job["seed"])
    np.random.seed(job["seed"])
    started = time.time()
    result = {k: job[k] for k in ("suite", "protocol", "problem", "optimizer", "seed", "evaluations")}
    options = {"evaluations": job["evaluations"]} if job["evaluations"] else {}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result |= protocols.PROTOCOLS[job["protocol"]](
                problems.make(job["problem"]), job["optimizer"], job["seed"], job["reference"], **options
            )
    except Exception as error:
        result["error"] = f"{type(error).__name__}: {error}"
        result["traceback"] = traceback.format_exc(limit=-4)
    result["wall_seconds"] = round(time.time() - started, 2)
    return result


def run(args) -> None:
    out, references = Path(args.out), protocols.load_references()
    runs = json.loads(out.read_text())["runs"] if out.exists() else []
    runs = [r for r in runs if "error" not in r]
    done = {(r["suite"], r["protocol"], r["problem"], r["optimizer"], r["seed"]) for r in runs}
    names = args.problems.split(",") if args.problems else problems.SUITES[args.suite][args.protocol]
    jobs = [
        {
            "suite": args.suite,
            "protocol": args.protocol,
            "problem": problem,
            "optimizer": optimizer,
            "seed": seed,
            "reference": references[problem],
            "evaluations": args.evaluations,
        }
        for seed in range(args.first_seed, args.first_seed + args.seeds)
        for problem in names
        for optimizer in args.optimizers.split(",")
        if (args.suite, args.protocol, problem, optimizer, seed) not in done
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("fork").Pool(args.jobs, maxtasksperchild=1) as pool:
        for number, result in enumerate(pool.imap_unordered(run_one, jobs), 1):
            runs.append(result)
            partial = out.with_suffix(".partial")
            partial.write_text(json.dumps({"runs": runs}))
            partial.replace(out)
            summary = result.get("error") or result.get("latency") or f"regret {result['regrets'][-1:]}"
            print(
                f"[{number}/{len(jobs)}] {result['problem']} {result['optimizer']} seed {result['seed']}: "
                f"{summary} ({result['wall_seconds']} s)",
                file=sys.stderr,
                flush=True,
            )


def references(args) -> None:
    """Recompute the references of every problem of the suite that is not in the last reference file."""
    path = Path(problems.REFERENCE_FILES[-1])
    found = json.loads(path.read_text()) if path.exists() else {}
    known = protocols.load_references()
    for name in sorted({n for names in problems.SUITES[args.suite].values() for n in names}):
        if name not in known or args.force:
            found[name] = protocols.compute_reference(problems.make(name))
            print(name, found[name], file=sys.stderr, flush=True)
            path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    command = argv.pop(0) if argv and argv[0] in ("run", "table", "references") else "run"
    parser = argparse.ArgumentParser(prog=f"run.py {command}")
    if command == "table":
        parser.add_argument("files", nargs="+")
        parser.add_argument("--optimizers", help="only these, comma separated")
        parser.add_argument("--problems", help="only these, comma separated")
        args = parser.parse_args(argv)
        split = lambda text: set(text.split(",")) if text else None  # noqa: E731
        print(report.tables(args.files, split(args.optimizers), split(args.problems)))
        return
    parser.add_argument("--suite", default="public", choices=sorted(problems.SUITES))
    if command == "references":
        parser.add_argument("--force", action="store_true", help="also recompute existing references")
        references(parser.parse_args(argv))
        return
    parser.add_argument("--protocol", default="sequential", choices=sorted(protocols.PROTOCOLS))
    parser.add_argument("--optimizers", required=True, help="comma separated")
    parser.add_argument("--problems", help="only these, comma separated")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--evaluations", type=int, help="override the number of evaluations (or its cap)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", required=True)
    run(parser.parse_args(argv))


if __name__ == "__main__":
    main()
