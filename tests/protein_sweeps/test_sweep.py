"""`ps.sweep` as a new user calls it: in a script, in a notebook, typed. Real workers, a private store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import protein_sweeps as ps
from tests.deploy.test_wheel import ROOT

pytestmark = pytest.mark.slow
NO_STORE = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATA_DIR")}

SCRIPT = """
import protein_sweeps as ps

OFFSET = 0.3
MARK = "only in memory"
SPACE = {"x": ps.uniform(0, 1), "kind": ps.choice(["a", "b"])}


def train(run: ps.TrainingRun) -> float:
    return (run.params["x"] - OFFSET) ** 2 + 0 * len(MARK)


result = ps.sweep(train, SPACE, metric="loss", goal="minimize", max_runs=5, name="script")
print(result.state, len(result.runs), result.best.score == min(run.score for run in result.runs))
print(sorted(result.best.params), result.best.params == result.ranking[0].params)
"""


def run_script(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder as a user does."""
    (folder / "script.py").write_text(text)
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**NO_STORE, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_function_of_a_script_is_swept_and_the_same_name_continues(tmp_path: Path) -> None:
    first = run_script(tmp_path, SCRIPT)
    more = run_script(tmp_path, SCRIPT)

    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == ["finished 5 True", "['kind', 'x'] True"]
    assert "script.r.5" in first.stderr
    assert "(5 of 5): score" in first.stderr
    assert more.stdout == first.stdout, more.stderr
    kept = [file for file in (tmp_path / "train_dir").rglob("*") if file.is_file()]
    assert not [file for file in kept if b"only in memory" in file.read_bytes()], "nothing is pickled into the store"


def test_the_scripts_of_the_readme_run_as_written(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2

    ended = run_script(tmp_path, "\n".join(blocks))

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("{'lr': ")
    assert "(20 of 20): score" in ended.stderr


def test_a_script_in_another_folder_can_import_a_module_beside_it(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "neighbour.py").write_text("def loss(x):\n    return x * 2\n")
    (tmp_path / "code" / "script.py").write_text(
        "import neighbour\nimport protein_sweeps as ps\n"
        "def train(run):\n    return neighbour.loss(run.params['x'])\n"
        "print(ps.sweep(train, {'x': ps.constant(2)}, max_runs=1, progress=False).best.score)\n"
    )

    ended = subprocess.run(
        [sys.executable, "code/script.py"], cwd=tmp_path, env=NO_STORE, capture_output=True, text=True, check=False
    )

    assert ended.stdout.strip() == "4.0", ended.stderr
    assert ended.stderr == ""


def test_a_script_beside_packages_with_the_names_of_ours_runs_and_one_that_imports_them_is_refused(
    tmp_path: Path,
) -> None:
    for name in ("shared", "services", "sweepctl", "configs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("FACTOR = 2\n")
    text = (
        "import protein_sweeps as ps\n"
        "def train(run):\n    import shared\n    return shared.FACTOR * run.params['x']\n"
        "print(ps.sweep(train, {'x': ps.constant(2)}, max_runs=1, progress=False).best.score)\n"
    )

    ended = run_script(tmp_path, text)
    refused = run_script(tmp_path, "import shared\n" + text)

    assert ended.stdout.strip() == "4.0", ended.stderr
    assert "this program has imported its own package `shared`" in refused.stderr.splitlines()[-1]


def test_a_training_cannot_start_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import protein_sweeps as ps\ndef train(run):\n    return 1.0\n"
        "result = ps.sweep('mine:train', {'x': ps.uniform(0, 1)}, max_runs=2, name='twice')\n"
    )

    ended = run_script(tmp_path, "import mine\nprint(mine.result.best)\n")

    assert "put that code below `if __name__ == '__main__':`" in ended.stderr.splitlines()[-1]


def test_runs_that_fail_pause_the_sweep_and_the_reason_is_printed(tmp_path: Path) -> None:
    ended = run_script(
        tmp_path,
        "import protein_sweeps as ps\n"
        "def train(run):\n    raise ValueError('the loss is gone')\n"
        "result = ps.sweep(train, {'x': ps.uniform(0, 1)}, max_runs=9)\n"
        "print(result.state)\n"
        "result.best\n",
    )

    assert ended.stdout.strip() == "paused", ended.stderr
    assert "is paused: 3 runs failed in a row" in ended.stderr
    assert "no run of sweep" in ended.stderr.splitlines()[-1]
    assert "the last failure: ValueError: the loss is gone" in ended.stderr.splitlines()[-1]


def test_a_function_that_can_be_imported_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def train(run):\n    return {'score': run.params['x']}\n")

    ended = run_script(
        tmp_path,
        "import protein_sweeps as ps, mine\n"
        "a = ps.sweep(mine.train, {'x': ps.uniform(0, 1)}, max_runs=2, name='imported')\n"
        "b = ps.sweep('mine:train', {'x': ps.uniform(0, 1)}, max_runs=2, name='imported')\n"
        "print(a.best == b.best, ps.load_sweep('imported').best().score == a.best.score)\n",
    )

    assert ended.stdout.strip() == "True True", ended.stderr


def test_a_function_that_cannot_be_imported_is_refused_if_other_processes_would_import_it(tmp_path: Path) -> None:
    remedy = "define it in a module and import it from there"

    fleet = run_script(tmp_path, SCRIPT, REDIS_URL="redis://:secret@127.0.0.1:1/0")
    elsewhere = run_script(tmp_path, SCRIPT.replace('name="script"', 'name="script", python="python3"'))

    assert f"cannot be imported by workers of a shared store: {remedy}" in fleet.stderr
    assert f"cannot be imported by another Python: {remedy}" in elsewhere.stderr
    assert not (tmp_path / "train_dir").exists()


def test_a_notebook_sweeps_the_function_of_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(ROOT / "examples" / "notebook" / "sweep.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("DATA_DIR", raising=False)

    NotebookClient(
        notebook, timeout=100, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    printed = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in printed if output["output_type"] == "error"]
    assert "observed" in json.dumps(printed)


def test_every_public_name_exists_and_has_a_docstring() -> None:
    for name in ps.__all__:
        value: Any = getattr(ps, name)
        if callable(value) and not hasattr(value, "__args__"):
            assert value.__doc__, name
