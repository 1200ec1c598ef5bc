"""What is said about a command line that cannot be read: one line, with the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.domain.wording import did_you_mean


def usage_line(error: Any, words: Sequence[str]) -> str:
    """Return what is wrong with the arguments of a command, and what to do about it.

    Args:
        error: What Typer raised.
        words: The command line without its first word.
    """
    context = error.ctx
    typed = [word for word in words[:1] if not word.startswith("-")]
    command = context.command_path if context else " ".join(["sweepctl", *typed])
    if context and hasattr(error, "possibilities"):
        options = [name for option in context.command.get_params(context) for name in option.opts]
        problem = f"no option {error.option_name}{did_you_mean(error.option_name, options)}"
    elif context and hasattr(error, "param_type"):
        usage = " ".join([command, *context.command.collect_usage_pieces(context)])
        return f"{_name(error.param)} is missing: write `{_plain(usage)}`"
    elif getattr(error, "param", None) is not None:
        problem = f"{_name(error.param)}: {_sentence(error.message)}"
    else:
        problem = _sentence(error.format_message())
    return f"{problem}: see `{command} --help`"


def _name(param: Any) -> str:
    return str(param.opts[-1] if param.param_type_name == "option" else param.metavar or param.name.upper())


def _plain(usage: str) -> str:
    return usage.replace(" [OPTIONS]", "").replace("{", "").replace("}", "")


def _sentence(message: str) -> str:
    plain = " ".join(message.split()).rstrip(".")
    return plain[:1].lower() + plain[1:]
