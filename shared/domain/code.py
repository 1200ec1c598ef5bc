"""Which code carries a run out: what two places are compared by, and how a difference is worded."""

from __future__ import annotations

from shared.domain.run import Frozen


class CodeVersion(Frozen):
    """The code of a sweep, as it was where the sweep was submitted, or is where a worker runs."""

    package: str  # version of this package, and a digest of its sources
    commit: str | None = None  # of the repository that the training's own code lies in, and a digest of its changes
    sources: str | None = None  # a digest of the sources of the training's own module


def code_difference(submitted: CodeVersion | None, here: CodeVersion) -> str | None:
    """Say in what the code `here` is another one than that of the submit; None where it is the same, or unknown.

    Commits are compared where both places have one, else the sources themselves: an image often has no repository.
    """
    if submitted is None:  # by an earlier version, which did not tell
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
