"""When two places have other code, and how that is said."""

from __future__ import annotations

import pytest

from shared.domain.code import CodeVersion, code_difference

SUBMITTED = CodeVersion(package="1 (aa)", commit="c1", sources="s1")


@pytest.mark.parametrize(
    "here",
    [
        SUBMITTED,
        CodeVersion(package="1 (aa)", commit="c1", sources="s2"),  # the commit has the whole, with its changes
        CodeVersion(package="1 (aa)", sources="s1"),  # an image without a repository
        CodeVersion(package="1 (aa)"),  # the code is not here: nothing can be said
    ],
)
def test_code_is_the_same_as_far_as_both_places_can_tell(here: CodeVersion) -> None:
    assert code_difference(SUBMITTED, here) is None


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (CodeVersion(package="2 (bb)", commit="c1"), "this package is 2 (bb), and was 1 (aa) at the submit"),
        (CodeVersion(package="1 (aa)", commit="c2"), "the training's code is at c2, and was at c1 at the submit"),
        (CodeVersion(package="1 (aa)", sources="s2"), "the training's module is s2, and was s1 at the submit"),
    ],
)
def test_other_code_is_said_with_both_versions(here: CodeVersion, said: str) -> None:
    assert code_difference(SUBMITTED, here) == said


def test_a_sweep_of_an_earlier_version_did_not_tell_its_code() -> None:
    assert code_difference(None, SUBMITTED) is None
