"""The language that the command speaks, with options for arguments."""

from __future__ import annotations

import gettext
import inspect
import os
import sys
from contextvars import ContextVar
from typing import Any

from impasto.errors import Argument, Message, SettingError, did_you_mean
from impasto.language import ENGLISH, LANGUAGES, catalog_of, said

VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

_catalog: ContextVar[gettext.NullTranslations] = ContextVar("catalog")


def choose_language(asked: str | None) -> None:
    """Speak a language from now on.

    Args:
        asked: of `LANGUAGES`, or a locale's name such as ``zh_CN``; None takes the environment's.

    Raises:
        SettingError: there is no such language.
    """
    code = asked or _of_environment()
    name = code.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    if asked and name not in LANGUAGES:
        raise SettingError(
            "{name} must be one of {allowed}, not {value!r}{hint}",
            name=Argument("lang"),
            allowed=", ".join(LANGUAGES),
            value=asked,
            hint=did_you_mean(asked, LANGUAGES),
        )
    folder = LANGUAGES.get(name, "")
    if not folder or not all(_can_write(stream) for stream in (sys.stdout, sys.stderr)):
        _catalog.set(ENGLISH)
    else:
        _catalog.set(catalog_of(name))


def _of_environment() -> str:
    return next((value for name in VARIABLES if (value := os.environ.get(name))), "")


def _can_write(stream: Any) -> bool:
    """Return whether Chinese can be written there."""
    try:
        "中文".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


def tell(message: str, /, **values: Any) -> str:
    """Return a message as the reader of the command reads it: in their language, with options for arguments.

    Args:
        message: a `Message`; or a text with ``{names}`` for the values.
        **values: by name, messages among them.
    """
    known = message if isinstance(message, Message) else Message(message, **values)
    return said(known, _catalog.get(ENGLISH), lambda argument: argument.option)


def translate_help(command: Any) -> Any:
    """Return a Typer command, and those below it, with its help in the reader's language, whatever it was."""
    helps = getattr(command.callback, "setting_helps", {})
    for name in ("help", "short_help", "epilog", "options_metavar", "subcommand_metavar", "rich_help_panel"):
        _translate(command, name)
    for parameter in command.params:
        if message := helps.get(parameter.name):
            parameter.help = tell(message)
        else:
            _translate(parameter, "help")
        _translate(parameter, "rich_help_panel")
        _hide_type(parameter)
    _translate_help_option(command)
    for inner in getattr(command, "commands", {}).values():
        translate_help(inner)
    if _catalog.get(ENGLISH) is not ENGLISH or "typer.rich_utils" in sys.modules:
        _translate_titles()
    return command


def _translate_help_option(command: Any) -> None:
    """Give ``--help``, which Typer makes while it shows the help, its words."""
    make = command.get_help_option
    if vars(command).get("get_help_option") is make:  # ours, of a help in another language
        return

    def made(context: Any) -> Any:
        option = make(context)
        if option is not None:
            option.help = tell("Show this message and exit.")
            _hide_type(option)
        return option

    command.get_help_option = made


def _hide_type(parameter: Any) -> None:
    """Leave out what says nothing to who reads a help: that a flag is a <bool>, and a file's name a <str>."""
    if getattr(parameter, "is_flag", True) and hasattr(parameter, "display_type_rich"):
        parameter.display_type_rich = lambda ctx: None


def _translate(item: Any, name: str) -> None:
    """Translate a text of a command or parameter, from the English that it was at first."""
    english = vars(item).setdefault("english", {})
    if text := english.setdefault(name, getattr(item, name, None)):
        setattr(item, name, tell(inspect.cleandoc(text)))


def _translate_titles() -> None:
    """Give Typer its own words in the reader's language."""
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = tell("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = tell("Options")
    rich_utils.COMMANDS_PANEL_TITLE = tell("Commands")
    rich_utils.DEFAULT_STRING = tell("[default: {}]")
    rich_utils.REQUIRED_LONG_STRING = tell("[required]")
