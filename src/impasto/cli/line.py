"""The line that was typed: what is a command, an option in British spelling, a photo without a command."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from impasto.errors import Argument, Message, SettingError, did_you_mean

BRITISH = (
    (r"colour", "color"), (r"grey", "gray"), (r"neighbour", "neighbor"), (r"centre", "center"),
    (r"(optim|styl|normal)is(e|ed|er|ation)\b", r"\1iz\2"), (r"\blicense\b", "licence"),
)  # fmt: skip
MAIN_COMMAND = "stylize"
ANYWHERE = ("--debug", "--offline")
"""Options of the program that may stand anywhere on the line."""


@dataclass(frozen=True)
class Line:
    """A line as it is meant.

    Attributes:
        words: command, options and arguments, as the command line knows them.
        flags: those of `ANYWHERE` that were given.
        language: what ``--lang`` asks for, or None.
    """

    words: list[str]
    flags: frozenset[str] = field(default_factory=frozenset)
    language: str | None = None


def american(word: str) -> str:
    """Return a word in American spelling."""
    for british, spelling in BRITISH:
        word = re.sub(british, spelling, word)
    return word


def split_line(arguments: Sequence[str]) -> Line:
    """Return the line with the options that may stand anywhere taken out.

    Raises:
        SettingError: ``--lang`` stands at the end.
    """
    words, flags, language = [], set(), None
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            words += [word, *rest]
        elif word in ANYWHERE:
            flags.add(word)
        elif word == "--lang" or word.startswith("--lang="):
            language = word.partition("=")[2] or next(rest, None)
            if language is None:
                raise SettingError("{name} needs a value, such as zh", name=Argument("lang"))
        else:
            words.append(word)
    return Line(words, frozenset(flags), language)


def meant(words: Sequence[str], commands: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the words with the main command where none was named, and options in American spelling.

    Args:
        words: of the line.
        commands: the names of all commands, each with its options.

    Raises:
        SettingError: the first word is neither a command nor a photo.
    """
    first = words[0] if words else "--help"
    if first in commands or american(first) in commands:
        words = [first if first in commands else american(first), *words[1:]]
    elif first not in ("--help", "-h", "--version"):
        if not first.startswith("-"):
            _check_photo(first, commands)
        words = [MAIN_COMMAND, *words]
    options = commands.get(words[0], frozenset()) if words else frozenset()
    return _spelled(words, options)


def _spelled(words: Sequence[str], options: frozenset[str]) -> list[str]:
    """Return the words with the options that only exist in another spelling in that one."""
    end = words.index("--") if "--" in words else len(words)
    spelled = []
    for word in words[:end]:
        name, equals, value = word.partition("=")
        if name.startswith("--") and name not in options and american(name) in options:
            word = american(name) + equals + value
        spelled.append(word)
    return spelled + list(words[end:])


def _check_photo(word: str, commands: Mapping[str, frozenset[str]]) -> None:
    """Refuse a first word that was meant as a command.

    Raises:
        SettingError: it is no file, and nothing in it says that it was meant as one.
    """
    if os.path.exists(word) or re.search(r"[./\\:]", word):
        return
    hint = did_you_mean(word, commands) or Message("; {help} lists them", help="impasto --help")
    raise SettingError("there is no command {name!r}{hint}", name=word, hint=hint)
