"""The snapshot of what ran, in the folder of the run."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from shared.domain.code import CodeVersion
from shared.domain.run import RunState
from shared.execution.environment import describe_gpu, installed_packages, write_environment
from shared.execution.git import Checkout
from shared.execution.slots import Slot
from shared.execution.source import Source, package_code, package_version
from shared.storage.folders import RunFolder

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

VERSION = CodeVersion(package="1 (aa)")
CLEAN = Checkout(Path("/code"), "c0ffee" * 7, "", None, ())


def written(folder: Path, a_run: ARun, a_sweep: ASweep, code: Source) -> dict[str, object]:
    run, sweep = a_run(RunState.TRAINING, other_code="it differs"), a_sweep(config_hash="abc")
    place = RunFolder(folder)
    slot = Slot((), 2)
    write_environment(place, run, sweep, phase="train", number=1, worker="w", slot=slot, seed=7, code=code)
    found: dict[str, object] = yaml.safe_load(place.environment_file("train", 1).read_text())
    return found


def test_it_has_run_seed_config_worker_python_and_packages(tmp_path: Path, a_run: ARun, a_sweep: ASweep) -> None:
    found = written(tmp_path, a_run, a_sweep, Source(None, None, "no git repository", VERSION))

    expected = {"run": "s.r.1", "phase": "train", "attempt": 1, "seed": 7, "config_hash": "abc", "worker": "w"}
    assert {key: found[key] for key in expected} == expected
    assert found["python"] == platform.python_version()
    assert found["gpus"] == []
    assert found["differs"] == "it differs"
    assert found["packages"] == installed_packages()
    assert installed_packages()["protein-sweeps"] == package_version()
    assert found["code"] == {"package": package_code(), "folder": None, "commit": None, "note": "no git repository"}
    assert sorted(path.name for path in (tmp_path / "environment").iterdir()) == ["train.1.yaml"]


def test_code_with_changes_has_its_diff_beside_it(tmp_path: Path, a_run: ARun, a_sweep: ASweep) -> None:
    changed = Checkout(Path("/code"), CLEAN.commit, "+rate = 2\n", "d1", ("new.py",))

    found = written(tmp_path, a_run, a_sweep, Source(Path("/code/train.py"), changed, None, VERSION))

    assert (tmp_path / "environment" / "train.1.diff").read_text() == "+rate = 2\n"
    code = found["code"]
    assert isinstance(code, dict)
    assert (code["commit"], code["changes"], code["diff"]) == (CLEAN.commit, "d1", "train.1.diff")
    assert code["untracked"] == ["new.py"]


def test_code_as_committed_has_no_diff(tmp_path: Path, a_run: ARun, a_sweep: ASweep) -> None:
    written(tmp_path, a_run, a_sweep, Source(Path("/code"), CLEAN, None, VERSION))

    assert not (tmp_path / "environment" / "train.1.diff").exists()


def test_an_unknown_gpu_has_only_the_name_that_was_given() -> None:
    assert describe_gpu("GPU-of-another-machine") == {"gpu": "GPU-of-another-machine"}
