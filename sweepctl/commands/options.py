"""The arguments and options that several commands share, and what they mean."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shared.config.schema import SweepJob
    from shared.control.stores import Store
    from shared.local.location import Purpose

Name = Annotated[
    str | None,
    typer.Argument(help="Sweep config: quick, full or your own (default: that of sweep_job.yaml).", metavar="NAME"),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Hydra overrides: key=value, group=choice, +hardware=macbook.", metavar="OVERRIDES"),
]
SweepName = Annotated[str | None, typer.Argument(help="Sweep name (default: latest).", metavar="SWEEP")]
RunId = Annotated[str, typer.Argument(help="Run id, such as mysweep.r.7.", metavar="RUN")]
AnyRun = Annotated[
    str | None,
    typer.Argument(help="Run id, such as mysweep.r.7 (default: latest run of the latest sweep).", metavar="RUN"),
]
ConfigDir = Annotated[Path | None, typer.Option(help="Folder with your own configs, searched before ./configs.")]
DataDir = Annotated[
    Path | None, typer.Option(envvar="DATA_DIR", help="Folder for the data of all sweeps (default: ./train_dir).")
]
Redis = Annotated[str | None, typer.Option(help="URL of the store (default: REDIS_URL, else the private store).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Pin = Annotated[bool, typer.Option(help="Allow an override to fix a key that the sweep searches.")]


def folder(data_dir: Path | None) -> Path:
    """Return the data folder, as an absolute path."""
    return (data_dir or Path("train_dir")).absolute()


@contextmanager
def the_store(data_dir: Path | None, redis: str | None, purpose: Purpose = "look") -> Iterator[Store]:
    """Yield the store that the options name, and close it."""
    from shared.local.location import located_store

    with located_store(folder(data_dir), redis_url=redis, purpose=purpose) as store:
        yield store


def composed(
    name: str | None, overrides: Sequence[str] | None, *, config_dir: Path | None, data_dir: Path | None, pin: bool
) -> SweepJob:
    """Compose the job, and print a note for each value that was read in another way than it was written."""
    from shared.control.compose import compose_job

    found = compose_job(name, overrides or [], config_dir=config_dir, data_dir=data_dir, pin=pin)
    print_notes(found.notes)
    return found.job


def split_off_sweep(sweep: str | None, overrides: list[str] | None) -> tuple[str | None, list[str]]:
    """Return the name of the sweep and the overrides: the first argument may be an override, too."""
    given = list(overrides or [])
    if sweep is not None and ("=" in sweep or sweep.startswith(("+", "~"))):
        return None, [sweep, *given]
    return sweep, given


def print_notes(notes: Iterable[str]) -> None:
    """Print each note as a line on stderr."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def print_json(content: Any) -> None:
    """Print plain data for a script."""
    print(json_text(content))


def json_text(content: Any) -> str:
    """Return plain data as JSON. Each item of a list is one line: this is fast for long lists, too."""
    if isinstance(content, list):
        return "[" + ",".join(f"\n  {json.dumps(item, default=str)}" for item in content) + ("\n]" if content else "]")
    return json.dumps(content, indent=2, default=str)
