"""Check whether the searched keys exist, and how much of the search space can be trained."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

import numpy as np

from shared.config.frozen import run_config, to_plain
from shared.config.schema import SweepJob
from shared.config.searched import leaves, space_of
from shared.control.findings import Finding
from shared.domain.errors import ConfigError
from shared.domain.search_space import SearchSpace

DRAWS = 1000
RARE = 0.1
ALIKE = 0.8  # similarity of two names by difflib, from which one is probably a typing error for the other


def examine_space(job: SweepJob) -> Iterator[Finding]:
    """Yield the findings about the searched keys, and about a sample of configurations."""
    space = space_of(job)
    yield from _keys(space, job)
    yield from _sample(space, job)


def _keys(space: SearchSpace, job: SweepJob) -> Iterator[Finding]:
    known = list(leaves({"trainer": to_plain(job)["trainer"]}))
    new = [path for path in space.paths if not any(key == path or key.startswith(f"{path}.") for key in known)]
    slips = {path: near for path in new if (near := _meant(path, [key for key in known if key not in space.paths]))}
    for path, near in slips.items():
        yield Finding(
            "fail",
            "space",
            f"{path} is searched, but the config has {near}, which would keep its value: search that one, "
            "or remove it from the config",
        )
    own = [path for path in new if path not in slips]
    alone = f"; only set by the sweep, not in the config: {', '.join(own)}" if own else ""
    if not slips:
        yield Finding("ok", "space", f"{len(space)} searched{alone}")


def _meant(path: str, known: list[str]) -> str | None:
    """Return the known key that an unknown one is probably a typing error for; `layer_1` is none for `layer_2`."""
    short = {key.removeprefix("trainer."): key for key in known}
    found = difflib.get_close_matches(path.removeprefix("trainer."), list(short), n=1, cutoff=ALIKE)
    return next((short[name] for name in found if _without_digits(short[name]) != _without_digits(path)), None)


def _without_digits(path: str) -> str:
    return re.sub(r"\d+", "#", path)


def _sample(space: SearchSpace, job: SweepJob) -> Iterator[Finding]:
    rng = np.random.default_rng(0)
    drawn = [space.sample_uniform(rng) for _ in range(DRAWS)]
    allowed = [params for params in drawn if space.allows(params)]
    refused, complaint = 0, ""
    for params in allowed:
        try:
            run_config(job, params)
        except ConfigError as error:
            refused, complaint = refused + 1, complaint or str(error)
    share = (len(allowed) - refused) / DRAWS
    text = f"{100 * share:.3g} % of the space can be trained"
    if not share:
        yield Finding("fail", "feasible", f"none of {DRAWS} configurations can be trained: {complaint or _loosen(job)}")
    elif refused:
        why = f"{100 * refused / DRAWS:.3g} % is refused by the trainer, and such runs fail at once: {complaint}"
        yield Finding(
            "warn", "feasible", f"{text}; {why}: exclude them with sweep.constraints, or narrow the parameters"
        )
    elif share < RARE:
        yield Finding("warn", "feasible", f"{text}: {_loosen(job)}")
    else:
        yield Finding("ok", "feasible", text)
    for parameter in space.parameters:
        active = sum(parameter.path in params for params in allowed) / max(len(allowed), 1)
        if active < RARE:
            reason = "few runs would show its effect: loosen its `when`, or search it in a sweep of its own"
            yield Finding(
                "warn", "feasible", f"{parameter.path} is active in {100 * active:.3g} % of the space: {reason}"
            )


def _loosen(job: SweepJob) -> str:
    return f"the search wastes its draws: loosen sweep.constraints ({'; '.join(job.sweep.constraints)})"
