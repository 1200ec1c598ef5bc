"""The reference of the command line, written from the help of the commands.

`python -m sweepctl.reference docs/reference/command-line.md` (`make reference`) replaces the text between two marks.
The rest of the page does not change.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer.main

from shared.domain.errors import ConfigError
from sweepctl.main import app
from sweepctl.panels import PANELS, panel_of

BEGIN: Final = "<!-- Written by `make reference` from the help of the commands: change it there. -->"
END: Final = "<!-- The end of what `make reference` writes. -->"
EXAMPLE: Final = "Example: "
ENVIRONMENT: Final = re.compile(r"[A-Z_]+=")


def commands() -> dict[str, Any]:
    """Return the commands by name, in the order of `sweepctl --help`."""
    group: Any = typer.main.get_command(app)
    return {name: group.commands[name] for name in group.list_commands(None)}


def parts_of(text: str) -> tuple[str, list[str], list[str]]:
    """Split a help text into its first sentence, its paragraphs, and its examples."""
    first, *rest = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    paragraphs = [part for part in rest if not part.startswith(EXAMPLE)]
    return first, paragraphs, [line.removeprefix(EXAMPLE) for line in rest if line.startswith(EXAMPLE)]


def words_of(example: str) -> list[str]:
    """Return the words after `sweepctl`, without the variables that are set before it."""
    words = shlex.split(example)
    while words and ENVIRONMENT.match(words[0]):
        words = words[1:]
    return words[1:]


def parse(words: list[str]) -> None:
    """Read the words of a command as `sweepctl` does, but do not run it. Raises what `sweepctl` would end with."""
    group: Any = typer.main.get_command(app)
    with group.make_context("sweepctl", list(words)) as context:
        name, command, rest = group.resolve_command(context, words)
        command.make_context(name, rest, parent=context).close()


def reference() -> str:
    """Return the reference: a table of the commands of each panel, then each command with its arguments and options."""
    lines = [line for panel in PANELS for line in _table(panel)]
    for name, command in commands().items():
        lines += [*_section(name, command), ""]
    return "\n".join(lines)


def _table(panel: str) -> Iterator[str]:
    yield from (f"**{panel}**", "", "| command | what |", "|---|---|")
    for name, command in commands().items():
        if panel_of(command) == panel:
            yield f"| [`sweepctl {name}`](#{_anchor(name)}) | {_text(parts_of(command.help)[0])} |"
    yield ""


def _section(name: str, command: Any) -> Iterator[str]:
    first, paragraphs, examples = parts_of(command.help)
    context = _context(name, command)
    yield f"### sweepctl {name}"
    yield ""
    yield " ".join(_text(part) for part in (first, *paragraphs))
    yield ""
    yield "```sh"
    yield from examples
    yield "```"
    yield ""
    yield f"`sweepctl {name} {' '.join(command.collect_usage_pieces(context))}`".replace(" [OPTIONS]", "")
    yield ""
    yield "| argument, option | what |"
    yield "|---|---|"
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            yield f"| `{record[0]}` | {_text(' '.join(record[1].split()))} |"


def _context(name: str, command: Any) -> Any:
    group: Any = typer.main.get_command(app)
    parent = group.make_context("sweepctl", [name], resilient_parsing=True)
    return type(parent)(command, info_name=name, parent=parent)


def _anchor(name: str) -> str:
    return f"sweepctl-{name}"


def _text(text: str) -> str:
    return text.replace("<", "\\<").replace("|", "\\|").replace("[", "\\[")


def written_into(page: str) -> str:
    """Return the text of a page with the reference between its marks. Raises ConfigError for a page without marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ConfigError(f"the page has no place for the reference: add the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def main() -> None:
    """Write the reference into the page that the command line names."""
    page = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference/command-line.md")
    page.write_text(written_into(page.read_text()))
    print(f"{page}: {len(commands())} commands")


if __name__ == "__main__":
    main()
