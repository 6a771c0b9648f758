"""What is wrong with the line that was typed, as Typer found it, in this command's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from impasto.errors import Message, did_you_mean


def is_usage_error(error: Exception) -> bool:
    """Return whether Typer raised an error about the line; where its classes are depends on its version."""
    return hasattr(error, "format_message")


def usage_message(error: Any, words: Sequence[str]) -> Message | None:
    """Return the sentence that Typer's error stands for; None if it has shown the help instead.

    Args:
        error: from Typer.
        words: of the line.
    """
    name, context = type(error).__name__, getattr(error, "ctx", None)
    if name == "NoArgsIsHelpError":  # its text is the help, which is printed while it is made
        return None
    typed = ["impasto", *words[:1]] if words and not words[0].startswith("-") else ["impasto"]
    command = " ".join(typed) if context is None else context.command_path
    help_of = f"{command} --help"
    if name == "NoSuchOption":
        known = [option for p in context.command.params for option in p.opts] if context else []
        return Message(
            "there is no option {option}{hint}",
            option=error.option_name,
            hint=did_you_mean(error.option_name, known) or Message("; {help} lists them", help=help_of),
        )
    if name == "MissingParameter":
        return Message("{name} is missing; {help} shows how to write it", name=_shown(error), help=help_of)
    if name == "BadParameter":
        return _bad_value(error, words, help_of)
    if name == "BadOptionUsage":
        if several := re.search(r"requires (\d+) arguments", str(error.message)):
            return Message(
                "{name} needs {count} values with spaces between them; {help} tells which",
                name=error.option_name,
                count=several[1],
                help=help_of,
            )
        return Message("{name} needs a value; {help} tells which", name=error.option_name, help=help_of)
    if match := re.search(r"unexpected extra argument.*? \((.*)\)$", str(error.message)):
        return Message("{words!r} is too much; {help} shows how to write it", words=match[1], help=help_of)
    if match := re.search(r"No such command '(.*?)'", str(error.message)):
        names = list(getattr(context.command, "commands", {})) if context else []
        return Message(
            "there is no command {name!r}{hint}",
            name=match[1],
            hint=did_you_mean(match[1], names) or Message("; {help} lists them", help=help_of),
        )
    reason = str(error.message).rstrip(".")
    return Message("{reason}; {help} shows how to write it", reason=reason, help=help_of)


def _shown(error: Any) -> str:
    """Return a parameter's name as the help shows it."""
    parameter = error.param
    option = next((o for o in getattr(parameter, "opts", []) if o.startswith("--")), None)
    return option or getattr(parameter, "metavar", None) or str(getattr(parameter, "name", "")).upper()


def _bad_value(error: Any, words: Sequence[str], help_of: str) -> Message:
    low, high = getattr(error.param, "min", None), getattr(error.param, "max", None)
    values = {"name": _shown(error), "value": _received(getattr(error.param, "opts", ()), words)}
    if low is None:
        return Message("{name} cannot be {value!r}; {help} tells what it can be", help=help_of, **values)
    if high is None:
        return Message("{name} must be a whole number from {low} up, not {value!r}", low=low, **values)
    text = "{name} must be a whole number from {low} to {high}, not {value!r}"
    return Message(text, low=low, high=high, **values)


def _received(options: Sequence[str], words: Sequence[str]) -> str:
    """Return what the last of the options was given, as it was typed."""
    received = ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in options:
            received = value if equals else following
    return received
