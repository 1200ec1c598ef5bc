"""Which Flower belongs to a dashboard."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from shared.local import dashboard
from shared.local.daemon import Connection
from shared.local.dashboard import flower_of
from shared.local.stack import Attached, Stack


def test_only_the_flower_of_this_folders_stack_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Stack(url="unix:///s", pid=1, data_dir=str(tmp_path), folder="/", allow=(), parts=(), flower="http://h:1")
    monkeypatch.setattr(dashboard, "attach", lambda _: Attached(ours, Connection("", 1, socket.socket())))

    assert flower_of(tmp_path, "unix:///s") == "http://h:1"
    assert flower_of(tmp_path, "redis://elsewhere/0") is None

    monkeypatch.setattr(dashboard, "attach", lambda _: None)
    assert flower_of(tmp_path, "unix:///s") is None
