"""The languages that sentences are said in: English, which the code is written in, and what data/locale has.

Sentences are translated by gettext; a door says them with its own words for arguments.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from impasto.errors import Argument, Message

LOCALE = Path(__file__).parent / "data" / "locale"
LANGUAGES = {"en": "", "zh": "zh_CN"}
"""The languages, and the folder of each one's messages."""
ENGLISH = gettext.NullTranslations()


def catalog_of(language: str) -> gettext.NullTranslations:
    """Return the catalog of one of the languages."""
    folder = LANGUAGES[language]
    return gettext.translation("impasto", LOCALE, [folder]) if folder else ENGLISH


def told_in(language: str, message: str) -> str:
    """Return a message in one of the languages, its arguments as Python writes them."""
    return said(message, catalog_of(language), str)


def said(message: str, catalog: gettext.NullTranslations, argument: Callable[[Argument], str]) -> str:
    """Return a message by a catalog.

    Args:
        message: a `Message`, or a text without values.
        catalog: of the reader's language.
        argument: says an `Argument` as the reader of this door writes it.
    """
    known = message if isinstance(message, Message) else Message(message)

    def in_words(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value_of(value) for name, value in values.items()}

    def value_of(value: Any) -> Any:
        if isinstance(value, Argument):
            return argument(value)
        return said(value, catalog, argument) if isinstance(value, Message) else value

    text = catalog.gettext(known.id) if known.id else ""
    return text.format(**in_words(known.values)) if known.values else text
