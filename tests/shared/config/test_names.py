"""A sweep's name becomes a folder, a key and an argument: what cannot be all three is refused with one that can."""

from __future__ import annotations

import pytest

from shared.config.names import LONGEST, check_name, slug
from shared.domain.errors import ConfigError


@pytest.mark.parametrize(
    "name", ["a", "001", "1e3", "quick-20260102-123045", "my_experiment", "axel.sweep_1", "a" * 100]
)
def test_an_ordinary_name_is_kept_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("../x", "x"),
        ("/etc/passwd", "etc-passwd"),
        ("a/b", "a-b"),
        ("a\0b", "a-b"),
        ("a" * 300, "a" * 100),
        ("\u202ecod.exe", "cod.exe"),
        ("a\u200fb", "ab"),
        ("", "sweep"),
        ("   ", "sweep"),
        ("my sweep", "my-sweep"),
        ("a; rm -rf ~", "a-rm--rf"),
        ("$(id)", "id"),
        ("a&b|c", "a-b-c"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("a..b", "a.b"),
        ("a.", "a"),
        ("größe", "groe"),
        ("..", "sweep"),
        ("mine.r.3", "mine"),
        ("a\n", "a"),
    ],
)
def test_any_other_name_is_refused_with_one_that_would_do(name: str, suggested: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_name(name)

    assert str(caught.value).endswith(f"; use for example sweep_run={suggested}")
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert check_name(suggested) == suggested


def test_the_error_for_a_name_that_is_too_long_has_its_length() -> None:
    with pytest.raises(ConfigError, match=f"expected at most {LONGEST} characters, not 300"):
        check_name("a" * 300)


def test_a_name_like_that_of_a_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not end like the name of a run"):
        check_name("mine.r.3")


@pytest.mark.parametrize("text", ["...r.1", ".r.1", "a.r.1.r.2", "\U0001f600", "_" * 200, "a" * 98 + ".r.12", "-.-"])
def test_a_suggested_name_is_always_a_name(text: str) -> None:
    assert check_name(slug(text))
