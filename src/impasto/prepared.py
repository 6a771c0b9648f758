"""What a method is given: the photo, style images, the regions that they cover, networks, a workshop.

`preparation.py` makes a `Prepared` of what a person names; the methods take it, and what it knows beside
finishes their result. It knows no method.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.layers import MINIMUM_SIDE, level_of
from impasto.pictures import color_transfer
from impasto.pictures.adjustments import adjusted
from impasto.pictures.masks import mask_pyramid
from impasto.pictures.reading import Picture
from impasto.pictures.resizing import Window, resize, resize_window
from impasto.pictures.windows import LargePhoto
from impasto.settings import Settings
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork

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
        visible: float32 (height, width): the pixels' alpha, which the mask has in it; None if they have none.
        built_in: id of the built-in style whose picture it is, in its own colors: its statistics may be kept
            on the disk and are fitted to the one-pass network; empty for any other picture.
    """

    pixels: Array
    shape: tuple[int, int] | None = None
    weight: float = 1.0
    part: Literal["all", "fine", "coarse"] = "all"
    mask: Array | None = None
    visible: Array | None = None
    built_in: str = ""

    @cached_property
    def digest(self) -> bytes:
        """Of the pixels and the mask: what is known about them is kept by it."""
        digest = hashlib.blake2b(self.pixels.tobytes(), digest_size=16)
        if self.mask is not None:
            digest.update(f"{self.mask.shape}".encode() + self.mask.tobytes())
        return digest.digest()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in which it is looked at."""
        return self.shape or (self.pixels.shape[0], self.pixels.shape[1])

    def scaled(self, factor: float) -> StyleImage:
        """Return it as it is looked at beside a picture reduced by a factor."""
        height, width = (max(MINIMUM_SIDE, round(side * factor)) for side in self.size)
        return replace(self, shape=(height, width))

    def weight_at(self, layer: str) -> float:
        """Return its weight at a layer."""
        part = "fine" if layer in FINE_LAYERS else "coarse"
        return self.weight if self.part in ("all", part) else 0.0


def blend_weights(styles: Sequence[StyleImage], layer: str) -> list[float]:
    """Return style images' weights in a blend at a layer; those elsewhere, where all are for another part."""
    weights = [style.weight_at(layer) for style in styles]
    return weights if sum(weights) else [style.weight for style in styles]


@dataclass(frozen=True, kw_only=True)
class StyledRegion:
    """A part of the picture and the style images that it is painted after.

    Attributes:
        styles: blended by their weights.
        mask: float32 (height, width) of the content image: where; everywhere if None.
    """

    styles: tuple[StyleImage, ...]
    mask: Array | None = None

    def within(self, visible: Array) -> StyledRegion:
        """Return what of it lies in the visible part of the picture, float32 (height, width)."""
        mask = visible if self.mask is None else resize(self.mask, visible.shape[:2]) * visible
        return replace(self, mask=np.asarray(mask, np.float32))

    def at(self, place: Window) -> StyledRegion:
        """Return what of it lies in a window of the picture."""
        return self if self.mask is None else replace(self, mask=resize_window(self.mask, place))


def everywhere(pixels: Array) -> tuple[StyledRegion, ...]:
    """Return the regions of a picture that is painted after one style image, (height, width, 3), alone."""
    return (StyledRegion(styles=(StyleImage(pixels=pixels),)),)


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A picture to which the optimization's is held: a film's painting before, moved along.

    Attributes:
        pixels: float32 (height, width, 3), sRGB in [0, 1].
        certainty: float32 (height, width) in [0, 1]: how much each pixel is held.
        weight: of the mean squared distance, relative to the sum of the content and the style weight.
    """

    pixels: Array
    certainty: Array
    weight: float


class NamedNetwork(Protocol):
    """A network that paints in one pass, as far as a recipe names it."""

    @property
    def name(self) -> str:
        """Of the network or its file."""

    @property
    def sha256(self) -> str:
        """Of the weights file."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The inputs of a method, in their final sizes, and what its result is finished with.

    Attributes:
        content: float32 (height, width, 3), as the method sees it.
        regions: the style images and where they count.
        initial: where the optimization starts.
        settings: how.
        network: the feature network, its weights in its dtype.
        refine_network: that of refine's iterations, if it is another.
        workshop: keeps what other pictures can share.
        picture: the photo as it was read, in the result's size.
        photo: the photo in the result's size and its own colors.
        achromatic: whether photo and styles have no colors, so that the result must have none.
        cover: float32 (height, width): where the pastiche is seen and not the photo; None: everywhere.
        record: the styles and regions for the recipe, as plain values.
        onepass: the network that paints in one pass; None where the optimization does.
        style_moments: the moments of a style of one's own, which that network was trained with; None where
            those of the style images are wanted.
        notes: sentences about what was done to the inputs.
        began: `time.monotonic()` when the preparation began.
        large: the photo, if it is painted in windows: then `content`, `picture` and `photo` are of a small
            size, and masks of any.
        place: where in a large photo these are the inputs of a window; None if they are not.
        anchor: what the optimization's picture is held to, if to anything.
    """

    content: Array
    regions: tuple[StyledRegion, ...]
    initial: Array
    settings: Settings
    network: FeatureNetwork
    workshop: Workshop
    picture: Picture
    photo: Array
    achromatic: bool = False
    cover: Array | None = None
    record: Mapping[str, Any] = field(default_factory=lambda: {"styles": [], "regions": []})
    onepass: NamedNetwork | None = None
    style_moments: Any = None
    refine_network: FeatureNetwork | None = None
    notes: tuple[str, ...] = ()
    began: float = field(default_factory=time.monotonic)
    large: LargePhoto | None = None
    place: Window | None = None
    anchor: Anchor | None = None

    @classmethod
    def of(
        cls,
        content: Array,
        regions: Sequence[StyledRegion],
        settings: Settings,
        network: FeatureNetwork,
        workshop: Workshop,
    ) -> Prepared:
        """Return what a method is given for pictures that are ready: nothing to read, to fit or to finish."""
        return cls(
            content=content,
            regions=tuple(regions),
            initial=content,
            settings=settings,
            network=network,
            workshop=workshop,
            picture=Picture(pixels=content),
            photo=content,
        )

    @property
    def visible(self) -> Array | None:
        """How much each pixel of the photo counts, its alpha, float32 (height, width); None: all fully."""
        return self.picture.visible

    @property
    def networks(self) -> tuple[FeatureNetwork, ...]:
        """The feature network, and that of refine's iterations if it is another."""
        return (self.network,) if self.refine_network is None else (self.network, self.refine_network)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the result."""
        return self.large.shape if self.large else (self.photo.shape[0], self.photo.shape[1])

    @cached_property
    def gray(self) -> bool:
        """Whether the result must have no colors: it has none, or the photo's, which has none."""
        of_photo = self.settings.colors in ("content", "luminance")
        return self.achromatic or (of_photo and color_transfer.is_achromatic(self.photo, self.visible))

    def window(self, place: Window) -> Prepared:
        """Return the inputs of a part of a large photo.

        Raises:
            ImageError: the photo's file is damaged there.
        """
        if self.large is None:
            raise ImageError("only a photo that is read in windows has windows")
        picture = self.large.window(place)
        plain = self.achromatic or self.settings.colors == "luminance"
        content = color_transfer.lightness_of(picture.pixels) if plain else picture.pixels
        part = replace(
            self,
            content=content,
            initial=content,
            picture=picture,
            photo=picture.pixels,
            regions=tuple(region.at(place) for region in self.regions),
            cover=None if self.cover is None else resize_window(self.cover, place),
            large=None,
            place=place,
        )
        part.__dict__["gray"] = self.gray  # of the whole photo, so that all windows agree
        return part

    def complete(self, pixels: Array) -> Array:
        """Return a method's picture, of any scale, with the colors, background and adjustments asked for."""
        return adjusted(self._on_its_background(pixels), self.settings, self.place)

    def _on_its_background(self, pixels: Array) -> Array:
        shape = pixels.shape[:2]
        of_photo = self.settings.colors in ("content", "luminance")
        if self.gray:
            pixels = color_transfer.lightness_of(pixels)
        elif of_photo:
            pixels = color_transfer.with_chroma_of(pixels, resize(self.photo, shape))
        if self.cover is None:
            return pixels
        cover = resize(self.cover, shape)[..., None]
        return np.asarray(cover * pixels + (1 - cover) * resize(self.photo, shape), np.float32)


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
