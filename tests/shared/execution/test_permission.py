"""What a worker imports for others: what its operator named, and nothing near it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.execution.permission import allows, misses_program, refuses_env, refuses_function


@pytest.mark.parametrize(
    ("entry_point", "allow", "allowed"),
    [
        ("my_pkg.train:go", ("my_pkg.train:go",), True),
        ("my_pkg.train:go", ("my_pkg.*",), True),
        ("my_pkg.train:go", ("my_pkg.train.*", "other"), True),
        ("my_pkg.train:go", (), False),
        ("my_pkg.train:go", ("",), False),
        ("my_pkg.train:go", ("my_pkg",), False),
        ("my_pkg_evil:go", ("my_pkg.*",), False),
        ("os:system", ("my_pkg.*", "env:os"), False),
        ("MY_PKG.train:go", ("my_pkg.*",), False),
        ("env:my_envs", ("env:my_envs",), True),
        ("env:my_envs", ("env:*",), True),
        ("env:my_envs", ("my_envs", "env.*", "my_envs.*"), False),
        ("env:os", ("env:my_envs",), False),
        ("command:python", ("command:python",), True),
        ("command:/opt/mine/train", ("command:/opt/mine/*",), True),
        ("command:./train.sh", ("command:train.sh", "train.sh", "env:*"), False),
        ("command:/tmp/python", ("command:python",), False),
        ("command.python:go", ("command:python*",), False),
    ],
)
def test_only_what_is_named_is_allowed(entry_point: str, allow: tuple[str, ...], allowed: bool) -> None:
    assert allows(entry_point, allow) is allowed


def test_a_refusal_prints_what_to_add() -> None:
    assert str(refuses_function("my_pkg:go", ())) == (
        "function my_pkg:go is not allowed here; start the worker with SWEEP_ALLOW=my_pkg:go"
    )
    assert str(refuses_env("os:Env-v0", ("os.*",))) == (
        "env os:Env-v0 imports os, which is not allowed here; start the worker with SWEEP_ALLOW=env:os"
    )
    assert refuses_env("CartPole-v1", ()) is None


def test_a_function_that_is_not_allowed_is_not_even_looked_for() -> None:
    refusal = refuses_function("no_such_package_at_all:go", ())

    assert refusal is not None
    assert (refusal.kind, refusal.entry_point) == ("rights", "no_such_package_at_all:go")


def test_a_program_that_cannot_be_started_here_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.sh").touch()

    assert str(misses_program(["nowhere"])) == "command nowhere: no such program here; install it, or give its path"
    assert str(misses_program(["train.sh"])) == "command train.sh: this folder is not on the PATH; write ./train.sh"
    assert str(misses_program(["./train.sh"])) == (
        "command ./train.sh: the file is not executable; run chmod +x ./train.sh"
    )
    (tmp_path / "train.sh").chmod(0o755)
    assert misses_program(["./train.sh"]) is None
    assert misses_program(["{python}", "train.py"]) is None
