"""What a method is given: style images, the regions that they cover, and their masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from impasto.layers import MINIMUM_SIDE, level_of
from impasto.pictures.masks import mask_pyramid
from impasto.pictures.resizing import resize

Array = NDArray[np.float32]
FINE_LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu3_4")
"""Layers of brushwork; the deeper ones see composition."""


@dataclass(frozen=True, kw_only=True)
class StyleImage:
    """A style image and its share in a blend.

    Attributes:
        pixels: float32 (height, width, 3), sRGB in [0, 1].
        shape: (height, width) in which it is looked at; that of the pixels if None. A small style image of
            a huge picture is enlarged when it is looked at, and not kept so.
        weight: share of its Gram matrices in the blend, relative to the other style images'.
        part: ``fine`` for the brushwork (relu1_1 to relu3_4) only, ``coarse`` for the rest, or ``all``.
        mask: float32 (height, width), of any size: which part of it counts; all of it if None.
    """

    pixels: Array
    shape: tuple[int, int] | None = None
    weight: float = 1.0
    part: Literal["all", "fine", "coarse"] = "all"
    mask: Array | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in which it is looked at."""
        return self.shape or (self.pixels.shape[0], self.pixels.shape[1])

    def scaled(self, share: float) -> StyleImage:
        """Return it as it is looked at beside a picture reduced by a factor."""
        height, width = (max(MINIMUM_SIDE, round(side * share)) for side in self.size)
        return replace(self, shape=(height, width))

    def weight_at(self, layer: str) -> float:
        """Return its weight at a layer."""
        part = "fine" if layer in FINE_LAYERS else "coarse"
        return self.weight if self.part in ("all", part) else 0.0


@dataclass(frozen=True, kw_only=True)
class StyledRegion:
    """A part of the picture and the style images that it is painted after.

    Attributes:
        styles: blended by their weights.
        mask: float32 (height, width) of the content image: where; everywhere if None.
    """

    styles: tuple[StyleImage, ...]
    mask: Array | None = None


def region_masks(
    regions: Sequence[StyledRegion], shape: tuple[int, int], layers: Iterable[str], rounding: str
) -> dict[str, Array]:
    """Return the regions' masks at each layer, (regions, h, w); nothing if one region is everywhere."""
    if len(regions) == 1 and regions[0].mask is None:
        return {}
    pyramids = []
    for region in regions:
        mask = np.ones(shape, np.float32) if region.mask is None else resize(region.mask, shape)
        pyramids.append(mask_pyramid(mask, rounding=rounding))
    return {layer: np.stack([p[level_of(layer)] for p in pyramids]) for layer in layers}
