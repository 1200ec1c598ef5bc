"""The workers of one machine in the background, as `up` and `down` show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from shared.domain.run import FINISHED, Run
from sweepctl import formats


class PartShown(Protocol):
    """What is shown of one process."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def deaths(self) -> int: ...
    @property
    def starts_in(self) -> float: ...
    @property
    def failed(self) -> bool: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def log(self) -> str: ...


class StackShown(Protocol):
    """What is shown of a stack that runs."""

    @property
    def url(self) -> str: ...
    @property
    def data_dir(self) -> str: ...
    @property
    def parts(self) -> Sequence[PartShown]: ...
    @property
    def flower(self) -> str | None: ...
    @property
    def flower_login(self) -> str | None: ...


class DownShown(Protocol):
    """What is shown of a stack that was ended."""

    @property
    def parts(self) -> Sequence[str]: ...
    @property
    def killed(self) -> Sequence[str]: ...
    @property
    def runs(self) -> Sequence[Run]: ...
    @property
    def unfinished(self) -> Sequence[str]: ...
    @property
    def store_ended(self) -> bool: ...


def stack_view(stack: StackShown, place: str, *, started: bool, lacks: Sequence[str] = ()) -> str:
    """Return what runs, what it lacks of what was asked for, and the next commands.

    `place` is the URL of its store without the password.
    """
    lines = [f"{'up' if started else 'up already'}: {', '.join(map(_part, stack.parts))}"]
    lines += [
        f"{part.name} died {formats.count(part.deaths, 'time')}: see {formats.place(part.log)}"
        for part in stack.parts
        if part.deaths and not part.failed
    ]
    lines += [
        f"{part.name} is not started again: {part.reason or 'it gave no reason'}; see {formats.place(part.log)}"
        for part in stack.parts
        if part.failed
    ]
    lines += [f"{what}: run `sweepctl down`, then the same command again" for what in lacks]
    is_private = stack.url.startswith("unix:")
    lines.append(f"store   {f'private, in {formats.place(stack.data_dir)}' if is_private else place}")
    lines.append(f"logs    {formats.place(Path(stack.data_dir) / 'logs')}")
    if stack.flower:
        user, _, password = (stack.flower_login or "").partition(":")
        lines.append(f"Flower  {stack.flower}  user {user}, password {password}")
    lines += [
        "",
        "  sweepctl submit quick    submit a sweep to these workers; `sweepctl run quick` uses them, too",
        "  sweepctl watch           watch it on the full screen",
        "  sweepctl down            shut down; runs in progress keep their checkpoints",
    ]
    return "\n".join(lines)


def _part(part: PartShown) -> str:
    if part.failed:
        return f"{part.name} (failed)"
    return f"{part.name} ({part.pid})" if part.pid else f"{part.name} (dead, restarts in {part.starts_in:.0f} s)"


def down_view(ended: DownShown, data_dir: Path) -> str:
    """Return what was shut down, and what continues later."""
    if not ended.parts:
        return f"nothing is running in {formats.place(data_dir)}: start it with `sweepctl up`"
    still = "" if ended.store_ended else "; the store is still running: another command uses it"
    lines = [f"down: {', '.join(ended.parts)}{still}"]
    lines += [f"{part} did not end in time and was killed" for part in ended.killed]
    lines += [_run(run) for run in ended.runs if run.state not in FINISHED]
    if ended.unfinished:
        lines.append(f"unfinished: {', '.join(ended.unfinished)}; the next `sweepctl up` continues")
    return "\n".join(lines)


def _run(run: Run) -> str:
    where = f"step {formats.steps(run.checkpoint.step)}" if run.checkpoint else "its start"
    return f"  run {run.id} is back in the queue and continues from {where}"
