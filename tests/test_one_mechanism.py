"""Each mechanism has one place. What an outside look once found twice, or in the wrong room, stays found once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from pathlib import Path

import protein_sweeps as ps

ROOT = Path(__file__).parents[1]
PACKAGES = ("protein_sweeps", "services", "shared", "sweepctl")
TEMPLATES = ROOT / "shared/control/templates"


@cache
def sources() -> dict[str, str]:
    """Return the text of each of our modules by its path."""
    found = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {str(file.relative_to(ROOT)): file.read_text() for file in found if TEMPLATES not in file.parents}


def places_of(pattern: str) -> set[str]:
    """Return the modules in which a regular expression matches."""
    return {path for path, text in sources().items() if re.search(pattern, text)}


# ------------------------------------------------------------------------------------------------ a library to import


def test_there_is_a_typed_library_and_its_names_are_listed() -> None:
    assert files(ps).joinpath("py.typed").is_file()
    assert {"sweep", "Sweep", "load_sweep", "Protein", "SearchSpace", "TrainingRun", "Stop"} <= set(ps.__all__)
    assert [name for name in ps.__all__ if not hasattr(ps, name)] == []


def test_no_page_for_users_names_a_module_of_ours_but_the_library() -> None:
    pages = [ROOT / "README.md", *(ROOT / "examples").rglob("*.md"), *(ROOT / "examples").rglob("*.py")]
    pages += [page for folder in ("guides", "how-to") for page in (ROOT / "docs" / folder).rglob("*.md")]

    named = {
        page.name: re.findall(r"(?:from|import) (?:services|shared|sweepctl)\b", page.read_text()) for page in pages
    }

    assert {page: found for page, found in named.items() if found} == {}


# ------------------------------------------------------------------------------------------------ one place each


def test_one_daemon_protocol_holds_all_locks_and_sockets() -> None:
    assert places_of(r"\bfcntl\.flock\b") == {"shared/local/daemon.py", "shared/local/daemon_server.py"}
    assert places_of(r"\.listen\(") == {"shared/local/daemon_server.py"}


def test_one_restart_rule_says_when_a_process_is_started_again() -> None:
    users = places_of(r"from shared\.local\.restarts import")

    assert {"shared/local/workers.py", "shared/local/supervisor.py", "shared/local/store_guardian.py"} <= users
    assert places_of(r"(?i)\bmost_restarts\b") == set()


def test_one_way_starts_a_helper_process() -> None:
    assert places_of(r'"-m", "(services|shared|sweepctl)') == set()
    assert places_of(r"\bdef helper_process\b") == {"shared/local/helper_process.py"}


def test_a_process_asks_in_one_place_to_end_with_its_parent() -> None:
    assert places_of(r"PR_SET_PDEATHSIG|PDEATHSIG = ") == {"protein_sweeps/_process.py"}


def test_the_events_of_a_log_are_read_in_one_place() -> None:
    assert places_of(r"\bevent\.body\b|\bevent\[\"|\bbody\[\"kind\"\]") == set()
    assert places_of(r"\bdef parse_log\b") == {"shared/domain/events.py"}


def test_the_job_of_a_sweep_is_parsed_in_one_place() -> None:
    assert places_of(r"from_plain\((\w+\.)?sweep\.config|from_plain\(\w+\.config") == {"shared/config/frozen.py"}


def test_no_message_is_parsed_back() -> None:
    assert (
        places_of(r"str\((error|reason|fault|refusal)\)\.(partition\(|split\((?!\))|replace\(|startswith\(|endswith\()")
        == set()
    )


# ------------------------------------------------------------------------------------------------ no circles


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in sources()}

    graph = {name_of(path): set(imported(text, modules)) - {name_of(path)} for path, text in sources().items()}

    assert list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def name_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(text: str, modules: set[str]) -> Iterator[str]:
    """Yield the modules that are imported when a module is loaded; types for the checker alone do not count."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules else node.module for name in names if node.module in modules)
