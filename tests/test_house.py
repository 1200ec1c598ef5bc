"""The floors of the house hold for the tests, too: no test of a lower floor imports a higher one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = (
    ("shared.domain", "shared.processes"),
    ("shared.config", "shared.store", "shared.queues", "shared.tracking", "shared.storage", "shared.rl"),
    ("shared.execution",),
    ("shared.control",),
    ("shared.local",),
    ("services",),
    ("sweepctl",),
)
SHARED_BY_ALL_TESTS = {f"tests.{file.stem}" for file in (ROOT / "tests").glob("*.py")}
"""Modules that are in no package of tests, such as the builders of tests/conftest.py."""


def floor_of(module: str) -> int | None:
    """Return the floor of a module or of its tests, from 0; None for a module that is on no floor."""
    name = module.removeprefix("tests.")
    for number, packages in enumerate(FLOORS):
        if any(name == package or name.startswith(f"{package}.") for package in packages):
            return number
    return None


def imports_of(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def test_no_test_of_a_lower_floor_imports_a_higher_one() -> None:
    assert {file.name: higher for file in files_of("tests") if (higher := higher_imports(file))} == {}


def test_a_test_of_a_floor_imports_no_test_that_is_on_none() -> None:
    """Those of the whole system are above all floors; what all tests share may be imported by each."""
    assert {file.name: others for file in files_of("tests") if (others := imports_of_no_floor(file))} == {}


def test_benchmarks_import_no_command() -> None:
    named = {name for file in files_of("benchmarks") for name in imports_of(file)}

    assert {name for name in named if name.startswith("sweepctl")} == set()


def higher_imports(file: Path) -> set[str]:
    floor = floor_of(module_of(file))
    return set() if floor is None else {name for name in imports_of(file) if (floor_of(name) or 0) > floor}


def imports_of_no_floor(file: Path) -> set[str]:
    if floor_of(module_of(file)) is None:
        return set()
    others = {name for name in imports_of(file) if name.startswith("tests.") and floor_of(name) is None}
    return {name for name in others if not SHARED_BY_ALL_TESTS & {name, name.rpartition(".")[0]}}
