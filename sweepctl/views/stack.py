"""The local stack, as `up` and `down` tell of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from shared.domain.run import FINISHED, Run
from shared.local.stack import Part, Stack
from shared.local.stack_down import Down
from shared.store.connection import masked
from sweepctl.views import formats


@contextmanager
def spinner(*, as_json: bool) -> Iterator[Callable[[str], None]]:
    """Yield what is to be told the step that is taken now; it draws on stderr, and for scripts not at all."""
    console = Console(stderr=True, quiet=as_json)
    with console.status("", spinner="dots") as status:
        yield lambda text: status.update(f"{text} ...")


def stack_view(stack: Stack, *, started: bool, lacks: Sequence[str] = ()) -> str:
    """Return what runs, what it lacks of what was asked for, and how to go on."""
    lines = [f"{'up' if started else 'up already'}: {', '.join(map(_part, stack.parts))}"]
    lines += [
        f"{part.name} died {part.deaths} time{'s' if part.deaths > 1 else ''}: see {part.log}"
        for part in stack.parts
        if part.deaths and not part.failed
    ]
    lines += [f"{part.name} is not started again: {part.reason}; see {part.log}" for part in stack.parts if part.failed]
    lines += [f"{what}: `sweepctl down`, then the same command again" for what in lacks]
    private = stack.url.startswith("unix:")
    lines.append(f"store  {f'private, in {stack.data_dir}' if private else masked(stack.url)}")
    lines.append(f"logs   {Path(stack.data_dir) / 'logs'}")
    if stack.flower:
        user, _, password = (stack.flower_login or "").partition(":")
        lines.append(f"flower {stack.flower}  user {user}, password {password}")
    lines += [
        "",
        "  sweepctl submit quick    a sweep for these workers; `sweepctl run quick` uses them, too",
        "  sweepctl watch           how it goes",
        "  sweepctl down            end all of this; runs in progress keep their checkpoints",
    ]
    return "\n".join(lines)


def _part(part: Part) -> str:
    if part.failed:
        return f"{part.name} (failed)"
    return f"{part.name} ({part.pid})" if part.pid else f"{part.name} (dead, starts in {part.starts_in:.0f} s)"


def stack_json(stack: Stack, *, started: bool) -> dict[str, Any]:
    """Return it as plain data, without the store's password."""
    return {"started": started, **stack.model_dump(), "url": masked(stack.url)}


def down_view(ended: Down, data_dir: Path) -> str:
    """Return what was stopped, and what goes on later."""
    if not ended.parts:
        return f"nothing of {data_dir} runs: `sweepctl up` starts it"
    lines = [
        f"down: {', '.join(ended.parts)}{'' if ended.store_ended else '; the store stays: another command uses it'}"
    ]
    lines += [f"{part} did not end in time and was killed" for part in ended.killed]
    lines += [_run(run) for run in ended.runs if run.state not in FINISHED]
    if ended.unfinished:
        lines.append(f"unfinished: {', '.join(ended.unfinished)}: the next `sweepctl up` goes on")
    return "\n".join(lines)


def _run(run: Run) -> str:
    where = f"from step {formats.steps(run.checkpoint.step)}" if run.checkpoint else "from its start"
    return f"  {run.id} was handed back: it goes on {where}"
