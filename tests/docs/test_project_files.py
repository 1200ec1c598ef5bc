"""What the repository says about itself to others: issue forms, the citation, the metadata of the package."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORMS = [f".github/ISSUE_TEMPLATE/{name}.yml" for name in ("bug", "feature")]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [".github/ISSUE_TEMPLATE/config.yml"]),
        ("vendor.citation-file-format", ["CITATION.cff"]),
    ],
)
def test_issue_forms_and_the_citation_fit_their_schema(schema: str, files: list[str]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_citation_has_version_and_licence_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())

    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["repository-code"] == PROJECT["urls"]["Source"]


def test_each_url_of_the_package_names_a_place_in_this_repository() -> None:
    source = PROJECT["urls"]["Source"]
    places = {url.removeprefix(source).partition("/main/")[2] for url in PROJECT["urls"].values()}

    assert all(url.startswith(source) for url in PROJECT["urls"].values())
    assert sorted(place for place in places if place and not (ROOT / place).exists()) == []


def test_the_site_links_to_the_source_that_the_package_names() -> None:
    assert f"source_url: {PROJECT['urls']['Source']} " in (ROOT / "mkdocs.yml").read_text()


def test_what_the_docs_are_built_with_is_installed_for_development() -> None:
    assert "protein-sweeps[docs]" in PROJECT["optional-dependencies"]["dev"]
