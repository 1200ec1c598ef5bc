"""The layout of the data folder, and how a file is replaced without ever being half written.

<data_dir>/sweep/<sweep_run>/
  config.yaml   dist_<worker>.yaml
  runs/<sweep_run>.r.<n>/
    run.json   train_config_overrides.yaml   checkpoints/   environment/   logs/   workspace.<attempt>/
    sweep_eval_results.yaml
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from protein_sweeps._checkpoint import flush_folder


def sweep_folder(data_dir: Path, sweep: str) -> Path:
    """Return the folder of a sweep."""
    return data_dir / "sweep" / sweep


def runs_folder(data_dir: Path, sweep: str) -> Path:
    """Return the folder that holds the folders of a sweep's runs."""
    return sweep_folder(data_dir, sweep) / "runs"


def runs_root(runs_dir: str, data_dir: str, sweep: str, *, here: Path) -> Path:
    """Return the folder of a sweep's runs on this machine: in its own data folder, `here`, if it has one.

    `runs_dir` and `data_dir` are the submitter's. A `runs_dir` that the user chose is used unchanged.
    """
    usual = Path(runs_dir) == runs_folder(Path(data_dir), sweep)
    return (runs_folder(here, sweep) if usual and here.is_absolute() else Path(runs_dir)).resolve()


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints."""
        return self.path / "checkpoints"

    def workspace(self, attempt: int) -> Path:
        """Return the folder for an attempt's own files. It may not exist."""
        return self.path / f"workspace.{attempt}"

    @property
    def config_file(self) -> Path:
        """The file with the config of its training."""
        return self.path / "train_config_overrides.yaml"

    @property
    def record_file(self) -> Path:
        """The copy of its record in the store, in case the store is lost."""
        return self.path / "run.json"

    @property
    def results_file(self) -> Path:
        """The file with the results of its evaluation."""
        return self.path / "sweep_eval_results.yaml"

    def log_file(self, phase: str, attempt: int) -> Path:
        """Return the file of an attempt's stdout and stderr."""
        return self.path / "logs" / f"{phase}.{attempt}.log"

    def environment_file(self, phase: str, attempt: int) -> Path:
        """Return the file that names what an attempt ran with: code, packages, machine."""
        return self.path / "environment" / f"{phase}.{attempt}.yaml"

    def environment_files(self) -> list[Path]:
        """Return the environment files of all attempts, the latest last."""
        return sorted((self.path / "environment").glob("*.yaml"), key=lambda file: file.stat().st_mtime_ns)


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a YAML file in one step."""
    write_text(path, yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step: write beside, flush to disk, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    flush_folder(path.parent)
