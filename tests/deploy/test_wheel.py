"""An installed package is whole: what is not Python comes along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PACKAGES = ("configs", "protein_sweeps", "services", "shared", "sweepctl")
SOURCES = ("pyproject.toml", "README.md", "LICENSE", *PACKAGES)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from a copy of the sources, without a network."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)
    data = tree / "benchmarks/optbench/data"
    data.mkdir(parents=True)
    shutil.copy(ROOT / "benchmarks/optbench/data/LICENSE", data)
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(out), str(tree))
    (built,) = out.glob("*.whl")
    return built


def test_a_wheel_holds_all_configs_templates_scripts_and_what_a_report_is_made_of(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())

    files = [path for path in (ROOT / "shared/control/templates").rglob("*.*") if path.suffix != ".pyc"]
    files += [*(ROOT / "configs").rglob("*.yaml"), *(ROOT / "shared/store/scripts").glob("*.lua")]
    files += [*(ROOT / "sweepctl/report/templates").iterdir(), ROOT / "protein_sweeps/py.typed"]

    assert len(files) > 10
    assert [str(file.relative_to(ROOT)) for file in files if str(file.relative_to(ROOT)) not in inside] == []


def test_a_wheel_holds_no_tests_and_no_benchmarks(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_an_installed_sweepctl_composes_a_config_and_writes_a_starting_point_in_an_empty_folder(
    wheel: Path, tmp_path: Path
) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip("install", "--target", str(site), str(wheel))
    environment = {**os.environ, "PYTHONPATH": str(site)}
    environment.pop("DATA_DIR", None)

    where = run([sys.executable, "-c", "import shared; print(shared.__file__)"], empty, environment)
    config = run([sys.executable, str(site / "bin/sweepctl"), "config", "quick"], empty, environment)

    assert where.startswith(str(site))
    assert yaml.safe_load(config)["sweep"]["metric"] == "reward"
    assert list(empty.iterdir()) == []

    run([sys.executable, str(site / "bin/sweepctl"), "init", "function"], empty, environment)

    assert (empty / "train.py").is_file()


def test_installed_commands_work_where_a_user_has_packages_of_our_names_and_the_plain_celery_refuses(
    wheel: Path, tmp_path: Path
) -> None:
    site, project = tmp_path / "site", tmp_path / "project"
    pip("install", "--target", str(site), str(wheel))
    for name in ("services", "shared", "sweepctl"):
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (site, project)))}
    for name in ("DATA_DIR", "REDIS_URL"):
        environment.pop(name, None)

    sweep = ("trainer=noop", "sim=none", "budget.max_runs=1", "sweep_run=mine")
    output = run([sys.executable, str(site / "bin/sweepctl"), "run", "quick", *sweep], project, environment)
    celery = [str(Path(sys.executable).parent / "celery"), "-A", "services.trainer", "worker", "-Q", "gpu"]
    refused = subprocess.run(celery, cwd=project, env=environment, capture_output=True, text=True, check=False)

    assert "sweep mine is finished" in output
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"celery: {project} has packages `services` and `shared`")


TYPED = """
import protein_sweeps as ps

SPACE = {"x": ps.uniform(0, 1), "layers": ps.choice([1, 2, 4])}


def train(run: ps.TrainingRun) -> float:
    run.report(step=1, loss=0.5)
    return 0.5


result = ps.sweep(train, SPACE, metric="loss", goal="minimize", max_runs=20)
score: float | None = result.best.score
with ps.Sweep.create("mine", SPACE, goal="maximize") as sweep:
    run = sweep.ask()
    sweep.tell(run, score=0.8, cost=12.0)
    for event in sweep.watch():
        reveal_type(event.kind)
try:
    ps.load_sweep("mine").pause()
except ps.Conflict as reason:
    reveal_type(reason.exit_code)
"""


def test_a_users_script_passes_a_strict_type_checker(wheel: Path, tmp_path: Path) -> None:
    run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], tmp_path, {**os.environ})
    (site,) = (tmp_path / "venv" / "lib").glob("*/site-packages")
    pip("install", "--target", str(site), str(wheel))
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "typed.py").write_text(TYPED)

    python = f"--python-executable={tmp_path / 'venv/bin/python'}"
    output = run([sys.executable, "-m", "mypy", "--strict", python, "typed.py"], tmp_path, {**os.environ})

    assert "Success: no issues found" in output
    assert output.count("Revealed type is") == 2
    assert "Any" not in output


def pip(command: str, *arguments: str) -> None:
    run([sys.executable, "-m", "pip", command, "--no-deps", "--no-index", "--quiet", *arguments], ROOT, {**os.environ})


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
