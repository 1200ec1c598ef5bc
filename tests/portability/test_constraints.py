"""The two sets of versions that are tested: one fits the other file, and both fit pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIRED = [Requirement(text) for text in PROJECT["dependencies"]]
OPTIONAL = [
    Requirement(text)
    for texts in PROJECT["optional-dependencies"].values()
    for text in texts
    if not text.startswith(PROJECT["name"])
]


def _pinned(name: str) -> dict[str, Version]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    pins = [line.partition("==") for line in lines if line]
    return {canonicalize_name(package): Version(version) for package, _, version in pins}


NEWEST, OLDEST = _pinned("constraints.txt"), _pinned("constraints-oldest.txt")


@pytest.mark.parametrize("requirement", [*REQUIRED, *OPTIONAL], ids=str)
def test_what_was_tested_together_is_allowed(requirement: Requirement) -> None:
    assert NEWEST[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("requirement", REQUIRED, ids=str)
def test_the_oldest_version_that_is_allowed_is_the_one_that_was_tested(requirement: Requirement) -> None:
    floors = [Version(one.version) for one in requirement.specifier if one.operator == ">="]

    assert [OLDEST[canonicalize_name(requirement.name)]] == floors
