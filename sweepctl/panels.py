"""The panels of `sweepctl --help`: which there are, and how they are written without loading rich."""

from __future__ import annotations

import sys
from typing import Any, Final

import typer
import typer.core

from shared.domain.errors import ConfigError

START: Final = "Start"
LOOK: Final = "Look"
ACT: Final = "Act"
AFTER: Final = "After"
FLEET: Final = "Fleet"
SET_UP: Final = "Set-up"
PANELS: Final = (START, LOOK, ACT, AFTER, FLEET, SET_UP)
INTERRUPTED: Final = 130
NO_COMMAND: Final = 2


class Commands(typer.core.TyperGroup):
    """The commands, panel by panel."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of their panels."""
        return sorted(self.commands, key=lambda name: PANELS.index(panel_of(self.commands[name])))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each panel, and each command with its whole summary."""
        width = max(map(len, self.commands))
        for panel, names in self.by_panel(ctx).items():
            with formatter.section(panel):
                formatter.write_dl([(f"{name:<{width}}", summary_of(self.commands[name])) for name in names])

    def by_panel(self, ctx: Any) -> dict[str, list[str]]:
        """Return the names of the commands of each panel."""
        names = self.list_commands(ctx)
        return {panel: [name for name in names if panel_of(self.commands[name]) == panel] for panel in PANELS}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; without any, print the help."""
        if not args and not ctx.resilient_parsing:
            print(ctx.get_help(), file=sys.stderr)
            ctx.exit(NO_COMMAND)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is named. Raises ConfigError with the name that was probably meant."""
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            from shared.domain.wording import did_you_mean, show

            raise ConfigError(f"no command {show(name)}{did_you_mean(name, self.commands)}: see `sweepctl --help`")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Carry out the command; Ctrl-C ends it with one line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


def panel_of(command: Any) -> str:
    """Return the panel that a command was registered in."""
    return str(command.rich_help_panel)


def summary_of(command: Any) -> str:
    """Return the first paragraph of a command's help: its summary."""
    return " ".join(str(command.help).strip().partition("\n\n")[0].split())
