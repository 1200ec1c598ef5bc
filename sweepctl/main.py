"""sweepctl: run, submit, look at and steer sweeps."""

from __future__ import annotations

import gc
import sys
from typing import Any

import typer

from shared.domain.errors import SweepError
from sweepctl.commands import act, again, begin, check, look, report, setup, stack, start, watch

INTERRUPTED = 130
MANY_OBJECTS = 100_000


class App(typer.Typer):
    """A Typer app that ends on our own errors with one line and their exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that was typed."""
        # A command that reads thousands of records keeps them to its end: looking for garbage among them again and
        # again takes longer than reading them.
        gc.set_threshold(MANY_OBJECTS, 20, 20)
        debug = "--debug" in sys.argv
        if debug:
            sys.argv.remove("--debug")
        try:
            return super().__call__(*args, **kwargs)
        except SweepError as error:
            if debug:
                raise
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(error.exit_code) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            raise SystemExit(0) from None


app = App(
    help="Hyperparameter sweeps for people who train on GPUs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="First sweep: `sweepctl run quick`. Add --debug to any command for a traceback.",
)
begin.add_to(app)
start.add_to(app)
look.add_to(app)
report.add_to(app)
act.add_to(app)
again.add_to(app)
setup.add_to(app)
check.add_to(app)
stack.add_to(app)
watch.add_to(app)
