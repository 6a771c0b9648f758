"""Built-in style pictures, painted by this file: no photograph, no scan, nobody else's work.

A picture is composed once in unit coordinates (x to the right, y down, both 0..1) from a seed, then
painted at the size asked for, so every size shows the same picture. Lengths are given in *points*,
one pixel of a picture of 768 x 768.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from impasto.errors import SettingError, did_you_mean

MINIMUM_SIZE = 128
MAXIMUM_SIZE = 2048


@dataclass(frozen=True)
class StyleCard:
    """What a built-in style picture is.

    Attributes:
        name: what ``make_style`` calls it.
        title: in English.
        title_zh: in Simplified Chinese.
        description: one sentence.
        licence: an SPDX identifier.
        seed: of every random choice in the picture.
    """

    name: str
    title: str
    title_zh: str
    description: str
    licence: str
    seed: int


def style_names() -> tuple[str, ...]:
    """Return the names of the built-in styles."""
    return tuple(STYLES)


def make_style(name: str, size: int = 768) -> NDArray[np.float32]:
    """Paint a built-in style picture.

    Args:
        name: one of ``style_names()``.
        size: side in pixels, 128 to 2048. It sets the resolution only: the composition stays.

    Returns:
        float32 array (size, size, 3), sRGB in [0, 1]; the same bits for the same name and size.

    Raises:
        SettingError: the name is unknown or the size is out of range.
    """
    if name not in STYLES:
        raise SettingError(
            f"a built-in style must be one of {', '.join(STYLES)}, not {name!r}"
            f"{did_you_mean(str(name), STYLES)}"
        )
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise SettingError(f"size must be a whole number of pixels, not {size!r}")
    if not MINIMUM_SIZE <= size <= MAXIMUM_SIZE:
        raise SettingError(f"size must be from {MINIMUM_SIZE} to {MAXIMUM_SIZE} pixels, not {size}")
    from skimage import transform  # slow to import: names are asked for more often than pictures

    from impasto.gallery.mosaic import paint_mosaic
    from impasto.gallery.surface import POINTS
    from impasto.gallery.swirls import paint_swirls

    paint = {"swirls": paint_swirls, "mosaic": paint_mosaic}[name]
    image = np.clip(paint(np.random.default_rng(STYLES[name].seed), max(int(size), POINTS)), 0, 1)
    if size < POINTS:
        image = transform.resize(image, (size, size), order=1, anti_aliasing=True)
    return np.asarray(np.clip(image, 0, 1), np.float32)


STYLES: Mapping[str, StyleCard] = MappingProxyType(
    {
        card.name: card
        for card in (
            StyleCard(
                "swirls",
                "Night Wind over the Hills",
                "山上夜风",
                "Thick oil strokes wind round glowing stars, over hills and dark trees.",
                "Apache-2.0",
                18,
            ),
            StyleCard(
                "mosaic",
                "Water Garden",
                "水上花园",
                "Glass tiles, set in rows round flowers and leaves on banded water.",
                "Apache-2.0",
                7,
            ),
        )
    }
)
