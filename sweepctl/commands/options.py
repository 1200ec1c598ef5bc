"""The arguments and options that several commands share, and the store that they mean."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shared.config.schema import SweepJob
    from shared.local.location import Purpose
    from shared.store.store import Store

Name = Annotated[str | None, typer.Argument(help="Sweep config (quick, full, or your own).", metavar="NAME")]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Hydra's: key=value, group=choice, +hardware=macbook.", metavar="OVERRIDES")
]
SweepName = Annotated[str | None, typer.Argument(help="The sweep; left out: the latest.", metavar="SWEEP")]
RunId = Annotated[str, typer.Argument(help="The run, such as mysweep.r.7.", metavar="RUN")]
ConfigDir = Annotated[Path | None, typer.Option(help="Folder with your own configs; looked into before ./configs.")]
DataDir = Annotated[
    Path | None, typer.Option(envvar="DATA_DIR", help="Folder that everything is kept in; else ./train_dir.")
]
Redis = Annotated[str | None, typer.Option(help="The store's URL; else REDIS_URL, else the embedded one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Pin = Annotated[bool, typer.Option(help="Let an override fix a key that the sweep would search.")]


def folder(data_dir: Path | None) -> Path:
    """Return the data folder that is meant."""
    return (data_dir or Path("train_dir")).absolute()


@contextmanager
def the_store(data_dir: Path | None, redis: str | None, purpose: Purpose = "look") -> Iterator[Store]:
    """Yield the store that is meant."""
    from shared.local.location import located_store

    with located_store(folder(data_dir), redis_url=redis, purpose=purpose) as store:
        yield store


def composed(
    name: str | None, overrides: Sequence[str] | None, *, config_dir: Path | None, data_dir: Path | None, pin: bool
) -> SweepJob:
    """Compose the job that is meant, and print what was read differently than written."""
    from shared.control.compose import compose_job

    found = compose_job(name, overrides or [], config_dir=config_dir, data_dir=data_dir, pin=pin)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    return found.job


def named(store: Store, sweep: str | None) -> str:
    """Return the sweep that is meant: the latest when none is named. Raises NotFound."""
    from shared.control.snapshot import latest

    return sweep or latest(store)


def split_off_sweep(sweep: str | None, overrides: list[str] | None) -> tuple[str | None, list[str]]:
    """Return the sweep and the overrides that are meant: the first argument may be an override, too."""
    given = list(overrides or [])
    if sweep is not None and ("=" in sweep or sweep.startswith(("+", "~"))):
        return None, [sweep, *given]
    return sweep, given


def print_json(content: Any) -> None:
    """Print plain data for a script."""
    print(json_text(content))


def json_text(content: Any) -> str:
    """Return plain data as JSON; of a list each item on a line of its own, which is quick however long it is."""
    if isinstance(content, list):
        return "[" + ",".join(f"\n  {json.dumps(item, default=str)}" for item in content) + ("\n]" if content else "]")
    return json.dumps(content, indent=2, default=str)
