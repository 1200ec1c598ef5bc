"""The id of a data folder."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from shared.storage.identity import Storage, identify


def test_all_who_see_the_same_folder_read_the_same_id(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(identify, [tmp_path / "data"] * 8)

    assert len({storage.id for storage in found}) == 1
    assert found[0].id
    assert identify(tmp_path / "other").id != found[0].id


def test_nothing_but_the_id_is_left_in_the_folder(tmp_path: Path) -> None:
    identify(tmp_path)
    identify(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [".storage-id"]


def test_a_file_system_without_links_gets_its_id_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)

    assert identify(tmp_path).id == identify(tmp_path).id
    assert identify(tmp_path).fault is None


def test_a_folder_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert identify(tmp_path / "file" / "data") == Storage(
        fault=f"{tmp_path / 'file' / 'data'} cannot be written to: Not a directory"
    )
