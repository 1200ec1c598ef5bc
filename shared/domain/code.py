"""The code that a run is carried out with: how two places are compared, and the words for a difference."""

from __future__ import annotations

from shared.domain.run import Frozen


class CodeVersion(Frozen):
    """The code of a sweep: at the submit, or on a worker."""

    package: str  # version of this package, and a digest of its sources
    commit: str | None = None  # of the repository with the training's own code, and a digest of its uncommitted changes
    sources: str | None = None  # a digest of the sources of the training's own module


def code_difference(submitted: CodeVersion | None, here: CodeVersion) -> str | None:
    """Say how the code `here` differs from that of the submit; None if it is the same or unknown.

    Commits are compared if both places have one, else digests of the sources: an image often has no repository.
    """
    if submitted is None:  # by an earlier version, which did not record it
        return None
    if submitted.package != here.package:
        return f"this package is {here.package}, and was {submitted.package} at the submit"
    if submitted.commit and here.commit:
        if submitted.commit == here.commit:
            return None
        return f"the training's code is at {here.commit}, and was at {submitted.commit} at the submit"
    if submitted.sources and here.sources and submitted.sources != here.sources:
        return f"the training's module is {here.sources}, and was {submitted.sources} at the submit"
    return None
