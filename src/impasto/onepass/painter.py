"""One pass: its network run as a method, on pictures of any size, with blends and regions.

A photo is encoded once (`encoded_photo.py`), which a workshop keeps: another style or strength then takes
the maps and the decoder only. A large picture goes through the network in tiles (`tile_grid.py`), twice: the
first time for the moments of its features, which are sums over tiles, the second time to be painted with the
maps that follow from them. The result is that of the whole picture.

Regions share the photo's features; each has its own maps, and the mapped features are mixed by soft masks
before they are decoded, once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine import runtime
from impasto.engine.gradients import memory_errors, to_host
from impasto.errors import ImageError, SettingError, WeightsError
from impasto.layers import ONEPASS_MINIMUM_SIDE, layer_shapes, level_of
from impasto.networks.catalogue import EMBEDDED, load_network, read_manifest
from impasto.networks.tile_grid import tile_grid
from impasto.onepass.collapse import collapse_of
from impasto.onepass.compiled import compiled_maps, mixing_masks, painting_of
from impasto.onepass.encoded_photo import encoded_photo
from impasto.onepass.fitted_moments import recorded_fits
from impasto.onepass.network import DECODER_REACH, OnePassNetwork, read_onepass_network
from impasto.onepass.region_tones import small_tones, tones_of
from impasto.onepass.style_file import StyleFile
from impasto.onepass.style_statistics import blended_statistics
from impasto.onepass.tones import Tones, toned
from impasto.onepass.transfer import (
    STATISTICS_LAYERS,
    Maps,
    Moments,
    amount_at,
    pooled_moments,
)
from impasto.pictures.color_transfer import lightness_of
from impasto.prepared import Prepared, StyledRegion
from impasto.progress import Step
from impasto.settings import checked
from impasto.workshop import Workshop

Tensor = Any
Array = NDArray[np.float32]

ONEPASS, ENCODER = "onepass", "compact"
"""Names in the manifests: of the one-pass network, and of the feature network that it was trained with."""
FOLDER = EMBEDDED / "onepass"
"""Where the former and its manifest lie; the latter lies above."""
TILE_SIDE = 1440
"""Side of tiles; a picture of no more pixels than a tile is painted as a whole."""
STATISTICS_SIDE = 512
"""Style images of larger pictures are looked at as if the picture's long side were this."""
MOST_SMALL = 256**2
"""Pixels of a painting that is small enough to fit its tones to itself."""
WEAKEST = 0.1
"""Strength below which the photo shines through, until at 0 nothing else is left."""


def load_onepass_network(dtype: str = "float32", folder: Path = FOLDER) -> OnePassNetwork:
    """Load the embedded one-pass network.

    Args:
        dtype: of the features, ``float32`` or ``bfloat16``.
        folder: where the weights and their manifest lie.

    Raises:
        WeightsError: the file is missing, damaged or not the recorded one, or it was trained with
            another feature network than the embedded one.
    """
    entry = read_manifest(folder).get(ONEPASS)
    if entry is None:
        raise WeightsError(
            "the embedded network {name!r} is not in {folder}; install impasto again",
            name=ONEPASS,
            folder=folder,
        )
    network = read_onepass_network(folder / entry.file, load_network(ENCODER, dtype=dtype))
    if network.sha256 != entry.sha256:
        raise WeightsError("{file} is not the recorded file; install impasto again", file=folder / entry.file)
    return replace(network.with_cast_weights(), fits=recorded_fits(folder, network.sha256))


def warm_network(workshop: Workshop, dtype: str) -> OnePassNetwork:
    """Return the embedded one-pass network from a workshop; errors are `load_onepass_network`'s."""
    return workshop.get("networks", ("onepass", dtype), partial(load_onepass_network, dtype), _bytes)


def warm_style(workshop: Workshop, style: StyleFile, dtype: str) -> tuple[OnePassNetwork, Moments]:
    """Return the network of a style of one's own and its painting's moments from a workshop.

    Raises:
        WeightsError: it was trained with another feature network than the embedded one.
    """

    def load() -> tuple[OnePassNetwork, Moments]:
        encoder = warm_network(workshop, dtype).encoder
        return style.network(encoder).with_cast_weights(), style.statistics()

    return workshop.get("networks", ("style", style.sha256, dtype), load, lambda pair: _bytes(pair[0]))


def _bytes(network: OnePassNetwork) -> int:
    return sum(4 * math.prod(value.shape) for value in network.weights.values())


class OnePass:
    """Paints pictures of one size in the styles of some regions.

    Args:
        network: the one-pass network.
        regions: the style images of each region, and where it is.
        shape: (height, width) of the pictures, at least 32 px each.
        workshop: keeps what is compiled and the style images' moments.
        side: of tiles; a picture of no more pixels than a tile is painted as a whole.
        statistics: the style's where they are known already, instead of the style images'.

    Attributes:
        shape: (height, width) of the pictures.
        tones: how each region's colors are moved in all photos to come; fitted to each photo if None.
        applied: how they were moved in the photo before; None before the first one.

    Raises:
        ImageError: a side is shorter than 32 px, or a mask has another shape.
        SettingError: there is no region, or one whose styles weigh nothing.
    """

    def __init__(
        self,
        network: OnePassNetwork,
        regions: Sequence[StyledRegion],
        shape: tuple[int, int],
        workshop: Workshop,
        side: int = TILE_SIDE,
        statistics: Moments | None = None,
    ) -> None:
        check_shape(shape)
        if not regions:
            raise SettingError("one-pass painting needs at least one region with a style")
        self.shape, self._network, self._workshop = shape, network, workshop
        whole = shape[0] * shape[1] <= side**2
        side = max(shape) if whole else side
        self._looks = tile_grid(shape, side, STATISTICS_LAYERS)
        self._tiles = tile_grid(shape, side, (), DECODER_REACH)
        self.place(regions)
        self._style = style_moments(network, regions, shape, workshop, statistics)
        self._toned = statistics is None  # a style of one's own was trained to have its painting's colors
        self._held: Maps | None = None
        self.tones: tuple[Tones | None, ...] | None = None
        self.applied: tuple[Tones | None, ...] | None = None

    def place(self, regions: Sequence[StyledRegion]) -> None:
        """Paint all photos to come with the regions where these are; their styles stay.

        Raises:
            ImageError: a mask has another shape than the pictures.
        """
        self._masks = mixing_masks(regions, self.shape, self._network.encoder.pool_rounding)
        self._regions = tuple(regions)

    def hold(self, photos: Sequence[Array]) -> None:
        """Paint all photos to come with the maps and tones that fit these together, as the frames of a shot
        need it.

        Args:
            photos: float32 (height, width, 3) each, of the pictures' shape.
        """
        encoder, workshop = self._network.encoder, self._workshop
        with memory_errors(self.shape):
            moments = [encoded_photo(encoder, photo, None, self._looks, workshop).moments for photo in photos]
            self._held = compiled_maps(workshop)(pooled_moments(moments), self._style)
        tones = list[Tones | None]()
        for index, region in enumerate(self._regions):  # each as if it were everywhere: where it goes is open
            part = slice(index, index + 1)
            alone = {layer: (mean[part], spread[part]) for layer, (mean, spread) in self._style.items()}
            tones += self._small_tones([replace(region, mask=None)], alone, photos)
        self.tones = tuple(tones)

    def _small_tones(
        self,
        regions: Sequence[StyledRegion],
        style: Moments,
        photos: Sequence[Array],
        visible: Array | None = None,
    ) -> tuple[Tones | None, ...]:
        if not self._toned:
            return (None,) * len(regions)
        with memory_errors(self.shape):
            return small_tones(self._network, regions, style, photos, visible, self._workshop)

    def paint(self, photo: Array, strength: float = 50.0, visible: Array | None = None) -> Array:
        """Return the pastiche of a photo.

        Args:
            photo: float32 (height, width, 3), sRGB in [0, 1].
            strength: 0 (the photo itself) to 100.
            visible: float32 (height, width): how much each pixel counts in its moments; fully if None.

        Returns:
            float32 (height, width, 3), in [0, 1].

        Raises:
            ImageError: the photo has another shape.
            SettingError: the strength is not from 0 to 100.
            OutOfMemoryError: the engine ran out of memory.
        """
        painted = self.tone(photo, self.paint_over(photo, strength, visible), strength, visible)
        return shining_through(photo, painted, strength)

    def tone(self, photo: Array, painted: Array, strength: float, visible: Array | None = None) -> Array:
        """Return what `paint_over` returned with its colors moved to the style's.

        Args:
            photo: that was painted.
            painted: float32 (height, width, 3).
            strength: 0 to 100.
            visible: how much each pixel of the photo counts.
        """
        tones = self.tones
        if tones is None and self._toned and math.prod(self.shape) <= MOST_SMALL:
            tones = tones_of([painted], self._regions, self._masks, visible, self._workshop)
        elif tones is None:
            tones = self._small_tones(self._regions, self._style, [photo], visible)
        self.applied = tones
        return toned(painted, tones, self._masks.get(STATISTICS_LAYERS[-1]), strength)

    def paint_over(self, photo: Array, strength: float, visible: Array | None = None) -> Array:
        """Return what the network paints, before its tones, the photo shining through and clipping.

        The arguments and errors are `paint`'s.
        """
        if photo.shape != (*self.shape, 3):
            raise ImageError(
                "the photo must have the shape {expected}, not {found}",
                expected=(*self.shape, 3),
                found=photo.shape,
            )
        checked("strength", strength, float, {"low": 0, "high": 100})
        photo = np.asarray(photo, np.float32)
        amount = np.full(1, amount_at(strength / 100), np.float32)
        with memory_errors(self.shape):
            encoded = encoded_photo(self._network.encoder, photo, visible, self._looks, self._workshop)
            maps = self._held
            if maps is None:
                maps = compiled_maps(self._workshop)(encoded.moments, self._style)
            if len(self._tiles) == 1:
                paint = self._compiled(self.shape)
                painted: Array = to_host(paint(photo[None], encoded.features, maps, amount, self._masks))[0]
            else:
                painted = self._in_tiles(photo, encoded.features, maps, amount)
        return painted

    def _in_tiles(self, photo: Array, layers: Mapping[str, Any], maps: Maps, amount: Array) -> Array:
        paint = self._compiled(self._tiles[0].shape)
        painted = np.empty_like(photo)
        inside = layer_shapes(self._tiles[0].shape, self._network.encoder.pool_rounding)
        shapes = {layer: inside[level_of(layer)] for layer in STATISTICS_LAYERS}
        for tile in self._tiles:
            features = {k: tile.cut_features(v[0], level_of(k), shapes[k])[None] for k, v in layers.items()}
            masks = {k: tile.cut_layer(v, level_of(k), shapes[k]) for k, v in self._masks.items()}
            tile.paste(to_host(paint(tile.cut(photo)[None], features, maps, amount, masks))[0], painted, 0)
        return painted

    def _compiled(self, shape: tuple[int, int]) -> Callable[..., Any]:
        """Return the painting compiled for a shape, or for all where the engine can."""
        return painting_of(self._network, shape, bool(self._masks), self._workshop)


def style_moments(
    network: OnePassNetwork,
    regions: Sequence[StyledRegion],
    shape: tuple[int, int],
    workshop: Workshop,
    known: Moments | None = None,
) -> Moments:
    """Return the moments of the regions' styles, with the regions as their batch.

    Args:
        network: the one-pass network.
        regions: the style images of each.
        shape: (height, width) of the picture, which decides in what size styles are looked at.
        workshop: keeps the style images' moments.
        known: those of the style, if they are known, instead of the style images'.

    Raises:
        SettingError: the styles of a region weigh nothing.
    """
    scale = min(1.0, STATISTICS_SIDE / max(shape))
    styles = [known or blended_statistics(region.styles, network, scale, workshop) for region in regions]
    return {
        layer: (
            ops.concatenate([style[layer][0] for style in styles]),
            ops.concatenate([style[layer][1] for style in styles]),
        )
        for layer in STATISTICS_LAYERS
    }


def shining_through(photo: Array, painted: Array, strength: float) -> Array:
    """Return a painting in [0, 1], at a strength below `WEAKEST` with the photo seen through it."""
    opacity = np.float32(min(1.0, strength / 100 / WEAKEST))
    if opacity < 1:
        painted = photo + opacity * (painted - photo)
    return np.asarray(np.clip(painted, 0, 1), np.float32)


def check_shape(shape: tuple[int, int]) -> None:
    """Refuse pictures that are too small for one pass.

    Raises:
        ImageError: a side is shorter than 32 px.
    """
    if min(shape) < ONEPASS_MINIMUM_SIDE:
        raise ImageError(
            "one-pass painting needs sides of at least {least} px, not {width} x {height}",
            least=ONEPASS_MINIMUM_SIDE,
            width=shape[1],
            height=shape[0],
        )


def painter_for(prepared: Prepared) -> OnePass:
    """Return what paints a photo as it was prepared, and others of its size; errors are `onepass_steps`'."""
    height, width = prepared.content.shape[:2]
    check_shape((height, width))
    return OnePass(
        network_of(prepared),
        prepared.regions,
        (height, width),
        prepared.workshop,
        side=prepared.settings.tile_size or TILE_SIDE,
        statistics=prepared.style_moments,
    )


def network_of(prepared: Prepared) -> OnePassNetwork:
    """Return the network that paints what was prepared, the embedded one if none was."""
    if isinstance(prepared.onepass, OnePassNetwork):
        return prepared.onepass
    return warm_network(prepared.workshop, runtime.resolve_precision(prepared.settings.precision))


def painted_by(painter: OnePass, prepared: Prepared) -> tuple[Array, str]:
    """Return a photo painted, float32 (height, width, 3), and what is wrong with it if it has collapsed.

    Args:
        painter: of `painter_for` the photo or another one of its shot.
        prepared: the photo, and the settings, of which the strength is used.
    """
    strength = prepared.settings.strength
    painted = painter.paint_over(prepared.content, strength, prepared.visible)
    painted = painter.tone(prepared.content, painted, strength, prepared.visible)
    pixels = shining_through(prepared.content, painted, strength)
    return lightness_of(pixels) if prepared.achromatic else pixels, collapse_of(painted, prepared)


def onepass_steps(prepared: Prepared) -> Iterator[Step]:
    """Paint a photo in one pass, yielding one Step, as the optimization yields many.

    The Step's ``fallback`` says what is wrong with a picture that has collapsed.

    Args:
        prepared: content, regions, settings (of which the strength and the size of tiles are used) and the
            one-pass network, the embedded one if there is none; its workshop keeps what is compiled.

    Raises:
        ImageError: a side is shorter than 32 px.
        WeightsError: the embedded networks are missing or damaged.
        OutOfMemoryError: the engine ran out of memory.
    """
    height, width = prepared.content.shape[:2]
    pixels, fallback = painted_by(painter_for(prepared), prepared)
    yield Step(
        scale=1,
        scales=1,
        iteration=1,
        iterations=1,
        shape=(height, width),
        losses={},
        make_image=lambda: pixels,
        last=True,
        fallback=fallback,
    )
