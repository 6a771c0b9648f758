"""The gallery: built-in style pictures, which this project's own code painted, and the user's own.

A style is known by its id, which works wherever a style's file does. The built-in pictures and their manifest
lie in this folder; how they are painted stands in ``tools/gallery``. The user's own lie in the data folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.errors import SettingError, did_you_mean
from impasto.gallery.built_in import built_in_cards
from impasto.gallery.cards import StyleCard
from impasto.gallery.own import add_style, own_cards, remove_style

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "StyleCard",
    "add_style",
    "built_in_id",
    "card",
    "cards",
    "remove_style",
    "style_names",
    "style_path",
    "style_pixels",
]


def cards() -> tuple[StyleCard, ...]:
    """Return the cards of all styles: the built-in ones, then the user's own, each by id."""
    return *built_in_cards().values(), *own_cards().values()


def style_names() -> tuple[str, ...]:
    """Return the ids of all styles: the built-in ones, then the user's own."""
    return tuple(card.id for card in cards())


def card(id: str) -> StyleCard:
    """Return what a style is.

    Raises:
        SettingError: there is no style of that id; the nearest is named.
    """
    by_id = {card.id: card for card in cards()}
    if id not in by_id:
        raise SettingError(
            "there is no style {id!r} in the gallery{hint}; impasto gallery list shows them",
            id=str(id),
            hint=did_you_mean(str(id), by_id).rstrip("?"),
        )
    return by_id[id]


def built_in_id(sha256: str) -> str:
    """Return the id of the built-in style whose picture's file has this sha256, or an empty text."""
    return next((card.id for card in built_in_cards().values() if card.sha256 == sha256), "")


def style_path(id: str) -> Path:
    """Return the file of a style's picture.

    Raises:
        SettingError: there is no style of that id.
    """
    return card(id).path


def style_pixels(id: str, max_size: int | None = None) -> NDArray[np.float32]:
    """Return a style's picture.

    Args:
        id: one of ``style_names()``.
        max_size: larger pictures are reduced to this long side in pixels; None keeps them.

    Returns:
        float32 (height, width, 3), sRGB in [0, 1].

    Raises:
        SettingError: there is no style of that id.
        ImageError: its file cannot be read.
    """
    from impasto.pictures.reading import read_picture

    return read_picture(style_path(id), max_size=max_size).pixels
