"""Our packages are found where they are, whatever a user's folder or PYTHONPATH holds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from protein_sweeps._packages import ROOT, Shadow, celery_path, shadows
from shared.processes.start import USER_PATH, python_command, user_path, worker_paths

WHERE = """
import sys, shared, services, sweepctl
print(shared.__file__, services.__file__, sweepctl.__file__, sys.argv[1:], __name__, sep="\\n")
"""


def a_package(folder: Path, name: str, *, regular: bool = True) -> Path:
    """Make a package of the user's, and return the folder that holds it."""
    (folder / name).mkdir(parents=True)
    if regular:
        (folder / name / "__init__.py").touch()
    return folder


def test_a_process_of_ours_finds_our_packages_in_a_folder_and_with_a_pythonpath_that_hold_others(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("shared", "services", "sweepctl", "configs"):
        a_package(here, name)
        a_package(there, name, regular=False)
    (there / "where_it_is.py").write_text(WHERE)

    ended = subprocess.run(
        python_command("where_it_is", "one", "--two"),
        cwd=here,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (here, there)))},
        capture_output=True,
        text=True,
        check=True,
    )

    places = [str(ROOT / name / "__init__.py") for name in ("shared", "services", "sweepctl")]
    assert ended.stdout.splitlines() == [*places, "['one', '--two']", "__main__"]


@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("name", ["services", "shared"])
def test_the_first_package_on_the_path_hides_ours_and_one_behind_ours_does_not(
    tmp_path: Path, name: str, regular: bool
) -> None:
    folder = str(a_package(tmp_path, name, regular=regular))

    assert shadows([folder]) == [Shadow(tmp_path, (name,))]
    assert shadows([str(ROOT), folder]) == []
    # A folder without __init__.py counts only where no real package is found.
    assert shadows([folder, str(ROOT)]) == ([Shadow(tmp_path, (name,))] if regular else [])


def test_a_module_of_the_same_name_hides_ours_too(tmp_path: Path) -> None:
    (tmp_path / "shared.py").touch()

    (found,) = shadows([str(tmp_path)])

    assert str(found) == f"{tmp_path} has a package `shared`, which hides the one of protein-sweeps"
    assert found.remedy(tmp_path).endswith("start `celery` in another folder")
    assert found.remedy(tmp_path / "elsewhere").endswith(f"remove {tmp_path} from PYTHONPATH")


def test_a_folder_that_hides_several_packages_is_named_once(tmp_path: Path) -> None:
    for name in ("services", "shared"):
        a_package(tmp_path, name)

    (found,) = shadows([str(tmp_path)])

    assert str(found) == f"{tmp_path} has packages `services` and `shared`, which hide those of protein-sweeps"


def test_a_folder_with_configs_and_one_that_links_to_our_packages_hide_nothing(tmp_path: Path) -> None:
    a_package(tmp_path, "configs")
    (tmp_path / "shared").symlink_to(ROOT / "shared")

    assert shadows([str(tmp_path)]) == []


def test_celery_looks_into_the_current_folder_first_then_into_pythonpath(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": f"/one{os.pathsep}/two"}

    assert celery_path(tmp_path, environment)[:3] == [str(tmp_path), "/one", "/two"]


def test_a_worker_reads_a_pythonpath_without_what_hides_our_packages_and_keeps_all_of_it_for_the_training(
    tmp_path: Path,
) -> None:
    mine, tools, here = a_package(tmp_path / "mine", "shared"), tmp_path / "tools", tmp_path / "here"
    outer = {"PYTHONPATH": os.pathsep.join(map(str, (mine, tools)))}

    paths = worker_paths(outer, here)

    assert [entry for entry in paths["PYTHONPATH"].split(os.pathsep) if entry != str(ROOT)] == [str(tools)]
    assert shadows(paths["PYTHONPATH"].split(os.pathsep)) == []
    assert user_path(paths) == [str(here), str(mine), str(tools)]


def test_a_worker_that_was_started_by_hand_imports_from_its_folder_then_from_pythonpath(tmp_path: Path) -> None:
    assert user_path({"PYTHONPATH": "/one"}, tmp_path) == [str(tmp_path), "/one"]
    assert user_path({USER_PATH: ""}, tmp_path) == [str(tmp_path)]
