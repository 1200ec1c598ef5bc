"""The code in the process of a training needs only the standard library of Python 3.9."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import protein_sweeps

PLACE = Path(protein_sweeps.__file__).parent
RUN_SIDE = ("__init__", "run", "space", "_child", "_checkpoint", "_interpreter", "_packages", "_process")


@pytest.mark.parametrize("name", RUN_SIDE)
def test_it_imports_only_the_standard_library(name: str) -> None:
    imported = {top for top in _imports(PLACE / f"{name}.py") if top != "protein_sweeps"}

    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", RUN_SIDE)
def test_python_3_9_can_read_it(name: str) -> None:
    ast.parse((PLACE / f"{name}.py").read_text(), feature_version=(3, 9))


def test_the_import_of_the_package_loads_no_other_package_of_ours() -> None:
    code = "import sys, protein_sweeps; print([m for m in sys.modules if m.split('.')[0] in ('shared', 'pydantic')])"

    assert _run(code) == "[]"


def _imports(file: Path) -> set[str]:
    """Return the top-level names that a module imports when it is loaded or later, without those for type checkers."""
    found: set[str] = set()
    left: list[ast.AST] = [ast.parse(file.read_text())]
    while left:
        node = left.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
        left += ast.iter_child_nodes(node)
    return found


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
