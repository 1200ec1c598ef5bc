"""What a worker imports for others: what its operator named, and nothing near it."""

from __future__ import annotations

import pytest

from shared.execution.permission import allows, refuses_env, refuses_function


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
    assert refuses_function("my_pkg:go", ()) == (
        "function my_pkg:go is not allowed here: start the worker with SWEEP_ALLOW=my_pkg:go"
    )
    assert refuses_env("os:Env-v0", ("os.*",)) == (
        "env os:Env-v0 imports os, which is not allowed here: start the worker with SWEEP_ALLOW=env:os"
    )
    assert refuses_env("CartPole-v1", ()) is None


def test_a_function_that_is_not_allowed_is_not_even_looked_for() -> None:
    said = refuses_function("no_such_package_at_all:go", ())

    assert said is not None
    assert "is not allowed here" in said
