"""Where things lie, and files that are replaced whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from shared.storage.folders import RunFolder, runs_folder, runs_root, write_text, write_yaml


def test_the_layout_is_the_documented_one(tmp_path: Path) -> None:
    folder = RunFolder(runs_folder(tmp_path, "s") / "s.r.1")

    found = [folder.checkpoints, folder.config_file, folder.results_file, folder.log_file("train", 2)]

    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "sweep/s/runs/s.r.1/checkpoints",
        "sweep/s/runs/s.r.1/train_config_overrides.yaml",
        "sweep/s/runs/s.r.1/sweep_eval_results.yaml",
        "sweep/s/runs/s.r.1/logs/train.2.log",
    ]


def test_a_worker_with_a_data_folder_of_its_own_keeps_the_layout_below_it(tmp_path: Path) -> None:
    usual, own = "/theirs/sweep/s/runs", str(tmp_path / "chosen")

    assert runs_root(usual, "/theirs", "s", here=tmp_path) == tmp_path / "sweep/s/runs"
    assert runs_root(usual, "/theirs", "s", here=Path("relative")) == Path(usual)
    assert runs_root(own, "/theirs", "s", here=tmp_path) == tmp_path / "chosen"


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.yaml"

    write_yaml(path, {"first": 1})
    write_yaml(path, {"größe": [1, 2.5], "none": None})

    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {"größe": [1, 2.5], "none": None}
    assert [entry.name for entry in path.parent.iterdir()] == ["b.yaml"]


def test_a_text_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")

    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")

    assert path.read_text() == "old"
