"""What the studio refuses, and how it says so: a status, a short id, and the sentence in both languages."""

from __future__ import annotations

import re
from functools import partial
from pathlib import PurePath
from typing import Any

from impasto.errors import Argument, ImpastoError, Message, OutOfMemoryError, SettingError
from impasto.language import LANGUAGES, catalog_of, said

STATUS_OF_SETTING, STATUS_OF_PICTURE, STATUS_OF_FAULT = 422, 415, 500
FAULT = "fault"
ARGUMENTS = {"max_size": ("the size", "尺寸")}
"""Names that the page has for arguments, in the order of the languages."""


class RefusalError(ImpastoError):
    """A request that the studio does not do.

    Args:
        message: the sentence, with ``{names}`` where there are values.
        status: of HTTP.
        kind: a short id, such as ``too-large``, for programs.
        **values: by name.
    """

    def __init__(self, message: str, status: int, kind: str, /, **values: Any) -> None:
        super().__init__(message, **values)
        self.status, self.kind = status, kind


def session_ended() -> RefusalError:
    """Return the error of what a session that is over asks for."""
    return RefusalError("this session has ended; load the page again", 401, "no-session")


def status_of(error: BaseException) -> int:
    """Return the HTTP status that an error is answered with."""
    if isinstance(error, RefusalError):
        return error.status
    if isinstance(error, SettingError):
        return STATUS_OF_SETTING
    if isinstance(error, OutOfMemoryError):
        return 507
    if isinstance(error, ValueError) and isinstance(error, ImpastoError):
        return STATUS_OF_PICTURE
    return STATUS_OF_FAULT


def refusal_record(error: BaseException) -> dict[str, Any]:
    """Return an error as the interface gives it: ``{"error": {id, message, messages}}``.

    Of a fault of Impasto's own nothing but its kind is told, and of a file nothing but its name.
    """
    if isinstance(error, ImpastoError):
        message = _without_folders(error.message)
    else:
        message = Message(
            "this should not have happened ({reason}); the terminal in which the studio runs has more",
            reason=type(error).__name__,
        )
    messages = {
        language: said(message, catalog_of(language), partial(_as_the_page, index))
        for index, language in enumerate(LANGUAGES)
    }
    return {"error": {"id": _kind_of(error), "message": messages["en"], "messages": messages}}


def _as_the_page(language: int, argument: Argument) -> str:
    """Return an argument as the page names it; as Python does where it has no name there."""
    return ARGUMENTS.get(argument, (str(argument),) * len(LANGUAGES))[language]


def _kind_of(error: BaseException) -> str:
    if isinstance(error, RefusalError):
        return error.kind
    if not isinstance(error, ImpastoError):
        return FAULT
    words = re.findall("[A-Z][a-z]+", type(error).__name__.removesuffix("Error"))
    return "-".join(words).lower()


def _without_folders(message: Message) -> Message:
    """Return a sentence whose files are named without the folders in which the server has them."""
    values = {name: _shown(value) for name, value in message.values.items()}
    return Message(message.id, **values)


def _shown(value: Any) -> Any:
    if isinstance(value, Message):
        return _without_folders(value)
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, str) and not isinstance(value, Message) and "/" in value:
        return re.sub(r"(?:/[^/\s'\"]+)+/([^/\s'\"]+)", r"\1", value)
    return value
