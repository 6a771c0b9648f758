"""Every error that Impasto raises on purpose.

    ImpastoError
    ├── SettingError (ValueError)       a value, name or combination that is not allowed
    ├── ImageError (ValueError)         a picture that cannot be read, understood or used
    │   └── MissingFileError (FileNotFoundError)   an input that is not there
    ├── OutputError (OSError)           a result that cannot be written where it was asked for
    ├── CheckpointError (ValueError)    a checkpoint that is damaged or of another run
    ├── WeightsError (ValueError)       a weights file that is missing, damaged or of another network
    ├── EngineError (RuntimeError)      no engine, or a broken one
    │   └── OutOfMemoryError (MemoryError)         an engine that ran out of memory
    ├── DivergenceError (ArithmeticError)   an optimization that left the finite numbers
    └── ClosedError (RuntimeError)      a workshop that is used after it was closed

A message says, in one sentence, what is allowed, what was received and what to do. It knows what it was
made of, so that a door can say it in its own words and in its reader's language:

    raise OutputError("{path} exists; add {overwrite}", path=path, overwrite=Argument("overwrite=True"))
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class Message(str):
    """A sentence, in English, and what it was made of.

    Attributes:
        id: the sentence with ``{names}`` in place of the values; the same for all sentences of its kind.
        values: by name; some are messages themselves.
    """

    id: str
    values: Mapping[str, Any]

    def __new__(cls, id: str, /, **values: Any) -> Message:
        """Return the sentence; without values the text is taken as it is."""
        message = super().__new__(cls, id.format(**values) if values else id)
        message.id, message.values = id, values
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.id,), dict(self.values)


class Argument(str):
    """A parameter as Python writes it, such as ``max_size``, ``overwrite=True`` or ``weights[layer_1]``."""

    @property
    def option(self) -> str:
        """The same in the command line: ``--max-size``, ``--overwrite``."""
        name, _, value = self.partition("=")
        name, bracket, rest = name.partition("[")
        option = "--" + name.replace("_", "-") + bracket + rest
        return option if value in ("", "True") else f"{option} {value}"


class ImpastoError(Exception):
    """The base of every error that Impasto raises on purpose.

    Args:
        message: the sentence, with ``{names}`` where there are values.
        **values: by name.
    """

    def __init__(self, message: str = "", /, **values: Any) -> None:
        self.message = message if isinstance(message, Message) else Message(message, **values)
        super().__init__(str(self.message))

    @property
    def id(self) -> str:
        """The sentence without its values: the same for all errors of its kind."""
        return self.message.id

    @property
    def values(self) -> Mapping[str, Any]:
        """What the sentence tells, by name."""
        return self.message.values


class SettingError(ImpastoError, ValueError):
    """A setting's value, name or combination is not allowed."""


class ImageError(ImpastoError, ValueError):
    """A picture cannot be read, understood or used."""


class MissingFileError(ImageError, FileNotFoundError):
    """An input file is not there."""


class OutputError(ImpastoError, OSError):
    """A result cannot be written where it was asked for."""


class CheckpointError(ImpastoError, ValueError):
    """A checkpoint is damaged, or belongs to a run that cannot go on here."""


class WeightsError(ImpastoError, ValueError):
    """A weights file is missing, damaged or belongs to another network."""


class EngineError(ImpastoError, RuntimeError):
    """No engine is installed, or it is broken."""


class OutOfMemoryError(EngineError, MemoryError):
    """The engine ran out of memory, or would."""


class DivergenceError(ImpastoError, ArithmeticError):
    """The optimization left the finite numbers."""


class ClosedError(ImpastoError, RuntimeError):
    """A workshop was used after it had been closed."""


def nearest(received: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name that is most like what was received, or None if none is."""
    names = {name.lower(): name for name in allowed}
    matches = difflib.get_close_matches(received.lower(), names, n=1, cutoff=0.5)
    return names[matches[0]] if matches else None


def did_you_mean(received: str, allowed: Iterable[str]) -> Message:
    """Return ``; did you mean 'x'?`` for the nearest allowed name, or an empty message."""
    name = nearest(received, allowed)
    return Message("; did you mean {name!r}?", name=name) if name else Message("")


def joined(sentences: Iterable[str]) -> Message:
    """Return several sentences as one, semicolons between them; empty ones are left out."""
    messages = [each if isinstance(each, Message) else Message(each) for each in sentences if each]
    if len(messages) < 2:
        return messages[0] if messages else Message("")
    return Message("{first}; {others}", first=messages[0], others=joined(messages[1:]))
