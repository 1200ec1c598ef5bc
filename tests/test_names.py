"""One name, one thing: a class and a public function have a name that nothing else has."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("protein_sweeps", "services", "shared", "sweepctl")
TEMPLATES = ROOT / "shared" / "control" / "templates"  # what users begin with is their own
COMMANDS = "sweepctl.commands."
"""A function in here is a command: it has the command's name, and calls an operation that may have the same one."""

SAME_NAME = {
    "Sweep": "protein_sweeps.Sweep is what users hold, shared.domain.sweep.Sweep the record behind it",
    "conclude": "how each service ends a run; the worker gets one of them",
    "refuses": "why each service cannot take a run; the worker gets one of them",
    "main": "the entry point of a program",
    "runs": "keys.runs(...): a key of the store",
    "sweep": "keys.sweep(...): a key of the store; protein_sweeps.sweep is what users call",
    "train": "the entry of each trainable",
    "write_checkpoint": "the worker's side returns the record of what the run side wrote",
    "attach": "how the clients of each daemon find it: of the private store, of the stack",
    "place_in": "where each daemon of a folder is written down: the private store, the stack",
}
"""Names with more than one definition, and why."""

SAME_ROLE = {
    ("protein_sweeps._child", "wire"): "the protocol between a worker and its child is private to the run side",
    ("shared.domain.sweep.Sweep", "SweepRecord"): "protein_sweeps.Sweep is what users hold",
    ("shared.config.settings.data_dir", "usual_data_dir"): "`data_dir` is an argument of the public functions",
}
"""Imports of our own names under another one, and why."""


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of each of our modules."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    own = [file for file in files if not file.is_relative_to(TEMPLATES)]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): ast.parse(file.read_text()) for file in own}


def classes() -> Iterator[tuple[str, str]]:
    for module, tree in modules().items():
        yield from ((node.name, module) for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def functions() -> Iterator[tuple[str, str]]:
    for module, tree in modules().items():
        yield from (
            (node.name, module) for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )


def constants() -> Iterator[tuple[str, str]]:
    for module, tree in modules().items():
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            yield from ((target.id, module) for target in targets if isinstance(target, ast.Name))


def defined_twice(names: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    places = defaultdict(list)
    for name, module in names:
        if not name.startswith("_") and not module.startswith(COMMANDS):
            places[name].append(module)
    return {name: where for name, where in places.items() if len(where) > 1 and name not in SAME_NAME}


def test_no_two_classes_have_one_name() -> None:
    assert defined_twice(classes()) == {}


def test_no_two_public_functions_have_one_name() -> None:
    assert defined_twice(functions()) == {}


def test_no_type_alias_has_the_name_of_a_class() -> None:
    known = {name for name, _ in classes()}

    assert [(name, module) for name, module in constants() if name in known] == []


def test_what_is_ours_is_imported_under_its_own_name() -> None:
    renamed = []
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                source = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    ours = f"{source}{alias.name}".partition(".")[0] in PACKAGES
                    if ours and alias.asname not in (None, alias.name) and not module.startswith(COMMANDS):
                        renamed.append((module, f"{source}{alias.name}", alias.asname))
    assert [one for one in renamed if one[1:] not in SAME_ROLE] == []
