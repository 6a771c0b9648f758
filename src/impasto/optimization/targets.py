"""What an objective is made of: the content image and the style images, looked at once before the first step.

Pictures too large to be looked at whole are looked at in parts, whose sums are added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.errors import Argument, SettingError
from impasto.layers import check_layers, layer_shapes, level_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.tile_grid import Tile, tile_grid
from impasto.optimization.losses import FORMULAS, ContentSums, grain_positions, grain_sum
from impasto.optimization.objective import LossWeights, Objective, seen_content_layers
from impasto.optimization.style_losses import new_style_loss, style_layer_weights
from impasto.optimization.style_targets import SeenStyle, StyleAreas, StyleTargets
from impasto.pictures.masks import mask_pyramid
from impasto.pictures.resizing import resize
from impasto.prepared import StyledRegion, StyleImage, region_masks
from impasto.settings import Settings

Tensor = Any
Array = NDArray[np.float32]


def build_objective(
    network: FeatureNetwork,
    content: Tensor,
    regions: Sequence[StyledRegion],
    settings: Settings,
    tile: int | None = None,
    visible: Array | None = None,
) -> Objective:
    """Compute the targets of a content image and of style images and return the frozen objective.

    Args:
        network: the feature network.
        content: float32 (1, height, width, 3), sRGB in [0, 1].
        regions: the style images and where they count.
        settings: weights, layers, formulas and the measure of style.
        tile: longest side of a picture that is looked at in one part; any if None.
        visible: float32 (height, width): how much each pixel counts, but for ``sliced``; fully if None.

    Raises:
        SettingError: the measure of style cannot be had with these regions.
    """
    shape = content.shape[1], content.shape[2]
    frame = objective_without_content(network, shape, regions, settings, tile, visible)
    layers = seen_content_layers(settings)
    return frame.with_content(*content_features(network, content, layers, tile, frame.visible))


def objective_without_content(
    network: FeatureNetwork,
    shape: tuple[int, int],
    regions: Sequence[StyledRegion],
    settings: Settings,
    tile: int | None = None,
    visible: Array | None = None,
) -> Objective:
    """Return the objective of a picture of a shape but for its content, which `Objective.with_content` adds.

    Arguments and errors are those of `build_objective`.
    """
    formulas, weights = FORMULAS[settings.formulas], LossWeights.from_settings(settings)
    layer_weights = style_layer_weights(settings.style_loss, settings.style_layer_weights)
    check_layers({*layer_weights, *settings.content_layers}, network.layers)
    masks, style_loss = {}, None
    if visible is not None and settings.style_loss != "sliced":  # as strong as if there were nothing else
        regions = [region.within(visible) for region in regions]
        layer_weights = {k: weight / (float(visible.mean()) + 1e-6) for k, weight in layer_weights.items()}
    if weights.style:
        masks = region_masks(regions, shape, layer_weights, network.pool_rounding)
        if masks and settings.style_loss == "sliced":
            raise SettingError(
                "{name} must not be sliced where there are regions; choose gram", name=Argument("style_loss")
            )
        targets = style_targets(network, regions, layer_weights, masks, shape, tile)
        style_loss = new_style_loss(settings.style_loss, settings.formulas, targets, settings.seed)
    return Objective(
        network=network,
        content_targets={},
        content_scales={},
        style=style_loss,
        weights=weights,
        formulas=formulas,
        shape=shape,
        masks=masks,
        visible=visible_at(visible, shape, seen_content_layers(settings), network.pool_rounding),
        grain=max(1e-3, (settings.grain or 0.0) * style_grain(regions)) if weights.grain else 0.0,
    )


def visible_at(
    visible: Array | None, shape: tuple[int, int], layers: Sequence[str], rounding: str
) -> dict[str, Array]:
    """Return how much each position counts, (h, w), by layer and for ``pixels``; nothing if all do fully."""
    if visible is None:
        return {}
    pyramid = mask_pyramid(resize(visible, shape), rounding=rounding)
    return {layer: pyramid[level_of(layer)] for layer in layers} | {"pixels": pyramid[0]}


def content_features(
    network: FeatureNetwork,
    content: Tensor,
    layers: Sequence[str],
    tile: int | None,
    visible: Mapping[str, Array],
) -> tuple[dict[str, Tensor], dict[str, ContentSums]]:
    """Return the content image's features and their sums.

    The features of a large picture are computed in parts and kept as the network sees them, in its dtype:
    as they are compared they would be a multiple of the picture's memory.
    """
    if not layers:
        return {}, {}
    shape = content.shape[1], content.shape[2]
    if tile is None or max(shape) <= tile:
        by_layer = network.features(content, layers)
        projected = {layer: network.projected(layer, features) for layer, features in by_layer.items()}
        return projected, {
            k: ContentSums.of(to_host(target), visible.get(k)) for k, target in projected.items()
        }
    targets: dict[str, NDArray[Any]] = {}
    tiles = tile_grid(shape, tile, layers)
    return targets, content_in_tiles(network, to_host(content)[0], tiles, (layers, visible), targets)


def content_in_tiles(
    network: FeatureNetwork,
    picture: Array,
    tiles: Sequence[Tile],
    counted: tuple[Sequence[str], Mapping[str, Array]],
    targets: dict[str, NDArray[Any]],
) -> dict[str, ContentSums]:
    """Put the features of a content image's tiles into maps, and return the sums over the tiles' cores.

    Args:
        network: the feature network.
        picture: float32 (height, width, 3), sRGB in [0, 1].
        tiles: of it; the maps are 0 where none has its core.
        counted: the layers, and how much their positions count where not all do fully.
        targets: by layer the maps, (1, h, w, channels); made where they are not there yet.
    """
    (layers, visible), sums = counted, dict[str, ContentSums]()
    sides = layer_shapes((picture.shape[0], picture.shape[1]), network.pool_rounding)
    for part in tiles:
        by_layer = network.features(ops.convert_to_tensor(part.cut(picture)[None]), layers)
        for layer, features in by_layer.items():
            level, values = level_of(layer), np.asarray(ops.convert_to_numpy(features))[0]
            projected = to_host(network.projected(layer, features))[0]
            mask = part.cut_layer(visible[layer], level, projected.shape[:2]) if layer in visible else None
            mask = None if mask is None else part.core_of(mask, level)
            core = ContentSums.of(part.core_of(projected, level), mask)
            sums[layer] = sums[layer] + core if layer in sums else core
            if layer not in targets:
                targets[layer] = np.zeros((1, *sides[level], values.shape[-1]), values.dtype)
            part.paste(values, targets[layer][0], level)
    return sums


def style_targets(
    network: FeatureNetwork,
    regions: Sequence[StyledRegion],
    layer_weights: Mapping[str, float],
    masks: Mapping[str, Array],
    shape: tuple[int, int],
    tile: int | None = None,
) -> StyleTargets:
    """Return the style images as the network sees them, and each region's share of the picture.

    A region's loss is an average over its positions and weighs its share of the picture, so that every
    pixel is drawn to its style as strongly in a small region as in a large one.
    """
    totals = {layer: [float(m.sum()) + 1e-6 for m in masks[layer]] for layer in masks}
    if not totals:
        sides = layer_shapes(shape, network.pool_rounding)
        totals = {k: [float(sides[level_of(k)][0] * sides[level_of(k)][1])] for k in layer_weights}
    first = min(layer_weights)
    height, width = layer_shapes(shape, network.pool_rounding)[level_of(first)]
    areas = [area / (height * width) for area in totals[first]]
    weights = {}
    for layer, weight in layer_weights.items():  # none where no style image covers the layer
        covered = (any(style.weight_at(layer) > 0 for style in region.styles) for region in regions)
        weights[layer] = [area * weight * here for area, here in zip(areas, covered, strict=True)]
    return StyleTargets(
        areas=StyleAreas(network=network, weights=weights, totals=totals),
        regions=[[seen_style(network, s, layer_weights, tile) for s in r.styles] for r in regions],
    )


def seen_style(
    network: FeatureNetwork, style: StyleImage, layers: Mapping[str, float], tile: int | None
) -> SeenStyle:
    """Return a style image as the network sees it, in parts if it is large."""
    shape, pyramid = style.size, None
    if style.mask is not None:
        pyramid = mask_pyramid(resize(style.mask, shape), rounding=network.pool_rounding)

    def whole() -> Iterator[tuple[Mapping[str, Tensor], Mapping[str, Array]]]:
        masks = {layer: pyramid[level_of(layer)] for layer in layers} if pyramid else {}
        yield network.features(ops.convert_to_tensor(resize(style.pixels, shape)[None]), layers), masks

    def parts() -> Iterator[tuple[Mapping[str, Tensor], Mapping[str, Array]]]:
        pixels = resize(style.pixels, shape)
        for part in tile_grid(shape, tile or max(shape), layers):
            features = network.features(ops.convert_to_tensor(part.cut(pixels)[None]), layers)
            masks = {}
            for layer, values in features.items():
                level, sides = level_of(layer), values.shape[1:3]
                masks[layer] = part.core(level, sides)
                if pyramid:
                    masks[layer] = masks[layer] * part.cut_layer(pyramid[level], level, sides)
            yield features, masks

    large = tile is not None and max(shape) > tile
    return SeenStyle(
        weights={layer: style.weight_at(layer) for layer in layers}, parts=parts if large else whole
    )


def style_grain(regions: Sequence[StyledRegion]) -> float:
    """Return the root mean square of the style images' finest details, a mean over all of them."""
    energies = []
    for style in (style for region in regions for style in region.styles):
        mask = None if style.mask is None else resize(style.mask, style.size)
        energy = float(grain_sum(ops.convert_to_tensor(resize(style.pixels, style.size)[None]), mask))
        covered = 1.0 if mask is None else float(mask[1:-1, 1:-1].mean()) + 1e-6
        energies.append(style.weight * energy / (grain_positions(style.size) * covered))
    return float(np.sqrt(sum(energies) / sum(s.weight for r in regions for s in r.styles)))
