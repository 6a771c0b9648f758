"""One pass: the pastiche network run as a method, on pictures of any size, with blends and regions.

A small picture is painted by one compiled function. A large one goes through the network in tiles
(`tile_grid.py`), twice: the first time for the moments of its features, which are sums over tiles, the second
time to be painted with the maps that follow from them. The result is that of the whole picture.

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
from impasto.engine.gradients import compile_function, memory_errors, to_host
from impasto.errors import ImageError, SettingError, WeightsError
from impasto.layers import layer_shapes, level_of
from impasto.networks.catalogue import EMBEDDED, load_network, read_manifest
from impasto.networks.moments import moment_sums
from impasto.networks.tile_grid import tile_grid
from impasto.onepass.collapse import collapse_of
from impasto.onepass.network import DECODER_REACH, MINIMUM_SIDE, Masks, PasticheNetwork, read_pastiche_network
from impasto.onepass.style_file import StyleFile
from impasto.onepass.style_statistics import blended_statistics
from impasto.onepass.transfer import STATISTICS_LAYERS, Moments, amount_at, moments_of, transfer_maps
from impasto.pictures.color_transfer import lightness_of
from impasto.pictures.masks import mask_pyramid
from impasto.prepared import Prepared, StyledRegion, region_masks
from impasto.progress import Step
from impasto.workshop import Workshop

Tensor = Any
Array = NDArray[np.float32]

ONEPASS, ENCODER = "onepass", "encoder"
"""Names in the manifest: of the one-pass network, and of the feature network that it was trained with."""
FOLDER = EMBEDDED / "onepass"
"""Where both and their manifest lie."""
TILE_SIDE = 1440
"""Side of tiles; a picture of no more pixels than a tile is painted as a whole."""
STATISTICS_SIDE = 512
"""Style images of larger pictures are looked at as if the picture's long side were this."""
WEAKEST = 0.1
"""Strength below which the photo shines through, until at 0 nothing else is left."""


def load_pastiche_network(dtype: str = "float32", folder: Path = FOLDER) -> PasticheNetwork:
    """Load the embedded one-pass network.

    Args:
        dtype: of the features, ``float32`` or ``bfloat16``.
        folder: where the weights and their manifest lie.

    Raises:
        WeightsError: the file is missing, damaged or not the recorded one, or it was trained with
            another feature network than the embedded one.
    """
    manifest = read_manifest(folder)
    for name in (ONEPASS, ENCODER):
        if name not in manifest:
            raise WeightsError(
                "the embedded network {name!r} is not in {folder}; install impasto again",
                name=name,
                folder=folder,
            )
    encoder = load_network(folder / manifest[ENCODER].file, dtype=dtype)
    network = read_pastiche_network(folder / manifest[ONEPASS].file, encoder)
    for name, found in ((ONEPASS, network), (ENCODER, encoder)):
        if found.sha256 != manifest[name].sha256:
            raise WeightsError(
                "{file} is not the recorded file; install impasto again", file=folder / manifest[name].file
            )
    return network.with_cast_weights()


def warm_network(workshop: Workshop, dtype: str) -> PasticheNetwork:
    """Return the embedded one-pass network from a workshop; errors are `load_pastiche_network`'s."""
    return workshop.get("networks", ("onepass", dtype), partial(load_pastiche_network, dtype), _bytes)


def warm_style(workshop: Workshop, style: StyleFile, dtype: str) -> tuple[PasticheNetwork, Moments]:
    """Return the network of a style of one's own and its painting's moments from a workshop.

    Raises:
        WeightsError: it was trained with another feature network than the embedded one.
    """

    def load() -> tuple[PasticheNetwork, Moments]:
        encoder = warm_network(workshop, dtype).encoder
        return style.network(encoder).with_cast_weights(), style.statistics()

    return workshop.get("networks", ("style", style.sha256, dtype), load, lambda found: _bytes(found[0]))


def _bytes(network: PasticheNetwork) -> int:
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

    Raises:
        ImageError: a side is shorter than 32 px, or a mask has another shape.
        SettingError: there is no region, or one whose styles weigh nothing.
    """

    def __init__(
        self,
        network: PasticheNetwork,
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
        self._masks = mixing_masks(regions, shape, network.encoder.pool_rounding)
        share = min(1.0, STATISTICS_SIDE / max(shape))
        styles = [
            statistics or blended_statistics(region.styles, network, share, workshop) for region in regions
        ]
        self._style: Moments = {
            layer: (
                ops.concatenate([style[layer][0] for style in styles]),
                ops.concatenate([style[layer][1] for style in styles]),
            )
            for layer in STATISTICS_LAYERS
        }

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
        return shining_through(photo, self.paint_over(photo, strength, visible), strength)

    def paint_over(self, photo: Array, strength: float, visible: Array | None = None) -> Array:
        """Return what the network paints, before the photo shines through and before values are clipped.

        The arguments and errors are `paint`'s.
        """
        if photo.shape != (*self.shape, 3):
            raise ImageError(
                "the photo must have the shape {expected}, not {found}",
                expected=(*self.shape, 3),
                found=photo.shape,
            )
        if not 0 <= strength <= 100:
            raise SettingError("strength must be a number from 0 to 100, not {strength!r}", strength=strength)
        photo = np.asarray(photo, np.float32)
        amount = np.full(1, amount_at(strength / 100), np.float32)
        seen = {} if visible is None else self._at_layers(visible)
        with memory_errors(self.shape):
            if len(self._looks) == 1:
                paint = self._compiled("whole", self.shape, bool(seen))
                painted: Array = to_host(paint(photo[None], self._style, amount, self._masks, seen))[0]
            else:
                painted = self._in_tiles(photo, amount, seen)
        return painted

    def _at_layers(self, visible: Array) -> dict[str, Array]:
        pyramid = mask_pyramid(visible, rounding=self._network.encoder.pool_rounding)
        return {layer: pyramid[level_of(layer)] for layer in STATISTICS_LAYERS}

    def _in_tiles(self, photo: Array, amount: Array, seen: Mapping[str, Array]) -> Array:
        sums, layers = self._looked_at(photo, seen)
        maps = self._maps(sums, seen)
        paint = self._compiled("paint", self._tiles[0].shape)
        painted = np.empty_like(photo)
        inside = layer_shapes(self._tiles[0].shape, self._network.encoder.pool_rounding)
        shapes = {layer: inside[level_of(layer)] for layer in STATISTICS_LAYERS}
        for tile in self._tiles:
            features = {k: tile.cut_features(v, level_of(k), shapes[k])[None] for k, v in layers.items()}
            masks = {k: tile.cut_layer(v, level_of(k), shapes[k]) for k, v in self._masks.items()}
            tile.paste(to_host(paint(tile.cut(photo)[None], features, maps, amount, masks))[0], painted, 0)
        return painted

    def _looked_at(
        self, photo: Array, seen: Mapping[str, Array]
    ) -> tuple[dict[str, list[Any]], dict[str, NDArray[Any]]]:
        """Return the sums of the whole photo's features, and those of the deeper layers themselves."""
        shape, rounding = self._looks[0].shape, self._network.encoder.pool_rounding
        measure = self._compiled("measure", shape)
        inside, outside = layer_shapes(shape, rounding), layer_shapes(self.shape, rounding)
        sums: dict[str, list[Any]] = {layer: [0.0, 0.0] for layer in STATISTICS_LAYERS}
        layers: dict[str, NDArray[Any]] = {}
        for tile in self._looks:
            cores = {k: tile.core(level_of(k), inside[level_of(k)]) for k in STATISTICS_LAYERS}
            for layer, mask in seen.items():
                level = level_of(layer)
                cores[layer] = cores[layer] * tile.cut_layer(mask, level, inside[level])
            found, features = measure(tile.cut(photo)[None], cores)
            for layer, total in sums.items():
                for index in (0, 1):
                    total[index] = total[index] + to_host(found[layer][index]).astype(np.float64)
            for layer, maps in features.items():
                kept, level = np.asarray(ops.convert_to_numpy(maps))[0], level_of(layer)
                if layer not in layers:
                    layers[layer] = np.empty((*outside[level], kept.shape[-1]), kept.dtype)
                tile.paste(kept, layers[layer], level)
        return sums, layers

    def _compiled(self, part: str, shape: tuple[int, int], cutout: bool = False) -> Callable[..., Any]:
        """Return a part of the work compiled for one shape."""
        key = "onepass", self._network, part, shape, bool(self._masks), cutout
        return self._workshop.get("functions", key, partial(_compile, self._network, part))

    def _maps(self, sums: dict[str, list[Any]], seen: Mapping[str, Array]) -> Any:
        sides = layer_shapes(self.shape, self._network.encoder.pool_rounding)
        moments = {}
        for layer, totals in sums.items():
            positions: float = sides[level_of(layer)][0] * sides[level_of(layer)][1]
            if layer in seen:
                positions = float(seen[layer].sum()) + 1e-6
            second, mean = ((total / positions).astype(np.float64) for total in totals)
            covariance = (second - np.outer(mean, mean)).astype(np.float32)
            moments[layer] = mean[None].astype(np.float32), covariance[None]
        return transfer_maps(moments, self._style)


def shining_through(photo: Array, painted: Array, strength: float) -> Array:
    """Return a painting in [0, 1], at a strength below `WEAKEST` with the photo seen through it."""
    share = np.float32(min(1.0, strength / 100 / WEAKEST))
    if share < 1:
        painted = photo + share * (painted - photo)
    return np.asarray(np.clip(painted, 0, 1), np.float32)


def check_shape(shape: tuple[int, int]) -> None:
    """Refuse pictures that are too small for one pass.

    Raises:
        ImageError: a side is shorter than 32 px.
    """
    if min(shape) < MINIMUM_SIDE:
        raise ImageError(
            "one-pass painting needs sides of at least {least} px, not {width} x {height}",
            least=MINIMUM_SIDE,
            width=shape[1],
            height=shape[0],
        )


def mixing_masks(regions: Sequence[StyledRegion], shape: tuple[int, int], rounding: str) -> dict[str, Array]:
    """Return by layer how much each region counts where, float32 (regions, h, w); nothing for one region.

    The masks add up to 1; where no region is, all count alike.

    Raises:
        ImageError: a mask has another shape than the picture.
    """
    for region in regions:
        if region.mask is not None and region.mask.shape != shape:
            raise ImageError(
                "a region's mask must have the shape {expected}, not {found}",
                expected=shape,
                found=region.mask.shape,
            )
    if len(regions) == 1:
        return {}
    masks = [np.ones(shape, np.float32) if r.mask is None else np.clip(r.mask, 0, 1) for r in regions]
    total = np.sum(masks, axis=0) + 1e-6 * len(masks)
    shares = [((mask + 1e-6) / total).astype(np.float32) for mask in masks]
    mixed = [replace(region, mask=share) for region, share in zip(regions, shares, strict=True)]
    return region_masks(mixed, shape, STATISTICS_LAYERS, rounding)


def _compile(network: PasticheNetwork, part: str) -> Callable[..., Any]:
    """Return a part of the work compiled."""

    def whole(photo: Tensor, style: Any, amount: Tensor, masks: Masks, seen: Masks) -> Tensor:
        features = network.encode(photo)
        maps = transfer_maps(moments_of(features, seen or None), style)
        return network.paint(features, maps, amount, masks or None)

    def measure(photo: Tensor, cores: Masks) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, Tensor]]:
        features = network.encode(photo)
        sums = {k: moment_sums(f, cores[k]) for k, f in features.items()}
        return sums, {k: features[k] for k in STATISTICS_LAYERS[1:]}

    def paint(photo: Tensor, deeper: Masks, maps: Any, amount: Tensor, masks: Masks) -> Tensor:
        features = {k: ops.cast(v, network.encoder.dtype) for k, v in deeper.items()}
        features |= network.encoder.features(photo, STATISTICS_LAYERS[:1])
        return network.paint(features, maps, amount, masks or None)

    parts: dict[str, Callable[..., Any]] = {"whole": whole, "measure": measure, "paint": paint}
    return compile_function(parts[part])


def onepass_steps(prepared: Prepared) -> Iterator[Step]:
    """Paint a photo in one pass, yielding one Step, as the optimisation yields many.

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
    check_shape((height, width))
    settings, workshop, network = prepared.settings, prepared.workshop, prepared.onepass
    if not isinstance(network, PasticheNetwork):
        network = warm_network(workshop, runtime.resolve_precision(settings.precision))
    painter = OnePass(
        network,
        prepared.regions,
        (height, width),
        workshop,
        side=settings.tile_size or TILE_SIDE,
        statistics=prepared.style_moments,
    )
    painted = painter.paint_over(prepared.content, settings.strength, prepared.visible)
    fallback = collapse_of(painted, prepared)
    pixels = shining_through(prepared.content, painted, settings.strength)
    if prepared.achromatic:
        pixels = lightness_of(pixels)
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
