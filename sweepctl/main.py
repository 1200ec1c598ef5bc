"""sweepctl: start sweeps, look at them, and act on them."""

from __future__ import annotations

import gc
import sys
from typing import Any, Final

import typer

from shared.domain.errors import SweepError
from sweepctl.commands import act, again, begin, check, look, report, setup, stack, start, watch
from sweepctl.panels import INTERRUPTED, Commands

USAGE = 2
HELP_WIDTH = 100
MANY_OBJECTS = 100_000
UsageError: Final[Any] = typer.BadParameter.__base__
"""What Typer raises for an unknown option, a missing argument, or a value that does not fit."""


class App(typer.Typer):
    """A Typer app whose errors are one line on stderr, each with its exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Carry out the command line, and exit."""
        # A command that reads thousands of records keeps them until it ends: to collect garbage among them again and
        # again takes longer than to read them.
        gc.set_threshold(MANY_OBJECTS, 20, 20)
        debug = "--debug" in sys.argv
        if debug:
            sys.argv.remove("--debug")
        try:
            raise SystemExit(super().__call__(*args, prog_name="sweepctl", standalone_mode=False, **kwargs))
        except SweepError as error:
            if debug:
                raise
            _exit(f"error: {error}", error.exit_code)
        except UsageError as error:
            from sweepctl.usage import usage_line

            _exit(f"error: {usage_line(error, sys.argv[1:])}", USAGE)
        except (KeyboardInterrupt, typer.Abort):
            _exit("interrupted", INTERRUPTED)
        except BrokenPipeError:
            raise SystemExit(0) from None


def _exit(line: str, code: int) -> None:
    print(line, file=sys.stderr)
    raise SystemExit(code) from None


app = App(
    cls=Commands,
    help="Hyperparameter sweeps for people who train on GPUs.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
    epilog="Your first sweep: `sweepctl run quick`. Add --debug to any command to see the traceback of an error.",
)
for module in (begin, check, start, look, watch, report, act, again, stack, setup):
    module.add_to(app)
