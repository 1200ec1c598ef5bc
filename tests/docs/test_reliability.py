"""The page on reliability names a test for each fault, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
REFERENCE = TESTS.parent / "docs" / "reference"
NAMED = re.compile(r"`(?P<file>[\w/]+\.py)::(?P<test>test_\w+)`")
ROW = re.compile(r"^\| (?P<row>\d+) \|.*$", re.MULTILINE)


@pytest.mark.parametrize("page", ["reliability.md"])
def test_each_test_that_is_named_is_there(page: str) -> None:
    named = NAMED.findall((REFERENCE / page).read_text())

    assert named
    for file, test in named:
        tree = ast.parse((TESTS / file).read_text())
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{test}"


def test_each_fault_has_a_row_with_a_test() -> None:
    faults = (REFERENCE / "reliability.md").read_text().partition("## Faults")[2].partition("\n## ")[0]
    rows = {int(found["row"]): found.group() for found in ROW.finditer(faults)}

    assert list(rows) == list(range(1, 51))
    assert all(NAMED.search(text) for text in rows.values())
