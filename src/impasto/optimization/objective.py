"""What the optimization minimizes: targets and weights, frozen; a picture in, named losses out.

An objective works in two halves. `measure` takes a picture to sums over its positions, `losses` takes the
sums to losses. A whole picture is measured at once; a picture too large for that in parts, whose sums
are added up (`tiling.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.errors import SettingError
from impasto.layers import check_layers, layer_shapes, level_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.tile_grid import Tile, tile_grid
from impasto.optimization.losses import (
    FORMULAS,
    ContentSums,
    Formulas,
    grain_sum,
    out_of_range_sum,
    squared_error,
)
from impasto.optimization.style_losses import StyleLoss, new_style_loss, style_layer_weights
from impasto.optimization.style_targets import SeenStyle, StyleAreas, StyleTargets
from impasto.pictures.masks import mask_pyramid
from impasto.pictures.resizing import resize
from impasto.prepared import StyledRegion, StyleImage, region_masks
from impasto.settings import Settings

Tensor = Any
Array = NDArray[np.float32]
View = Mapping[str, Tensor]
DEFAULT_STYLE_WEIGHT = 36.0
"""Style weight over content weight at strength 50, relative formulas."""
DEFAULT_TV_WEIGHT = 0.0
RANGE_WEIGHT = 50.0
"""Weight of the distance from [0, 1], relative to the sum of the other weights."""
GRAIN_WEIGHT = 4.0
"""Weight of the grain loss, where it is asked for, relative to the sum of the other weights."""
TERMS = ("content", "style", "variation", "range", "grain")


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The weight of each named loss in the total."""

    content: float
    style: float
    variation: float
    range: float
    grain: float

    @classmethod
    def from_settings(cls, settings: Settings) -> LossWeights:
        """Return explicit weights where they are set, else those that strength stands for.

        At strength s in [0, 100] the content weight is 4 (1 - s / 100)^2 and the style weight 4 (s / 100)^2
        times `DEFAULT_STYLE_WEIGHT`: 1 and `DEFAULT_STYLE_WEIGHT` at 50, no style at 0, no content at 100.
        """
        strength = settings.strength / 100
        content = _or(settings.content_weight, 4 * (1 - strength) ** 2)
        style = _or(settings.style_weight, 4 * strength**2 * DEFAULT_STYLE_WEIGHT)
        variation = _or(settings.tv_weight, DEFAULT_TV_WEIGHT * (content + style))
        relative = settings.formulas == "relative"
        return cls(
            content=content,
            style=style,
            variation=variation,
            range=RANGE_WEIGHT * (content + style) if relative else 0.0,
            grain=0.0 if settings.grain is None else GRAIN_WEIGHT * (content + style),
        )

    @property
    def vector(self) -> Array:
        """The weights in the order of `TERMS`, float32 (5,)."""
        return np.array([getattr(self, name) for name in TERMS], np.float32)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The frozen objective of one scale.

    Objectives of one `form` differ in their `values` only, so that one compiled function serves them all.

    Attributes:
        network: the feature network.
        content_targets: content image's features by layer, each (1, h, w, channels): as they are
            compared, or, for a picture that is looked at in parts, raw, as the network makes them.
        content_scales: by layer, the factor of the summed squared difference.
        style: the frozen measure of style, or None if style has no weight.
        weights: of the named losses.
        formulas: how each loss is computed.
        shape: (height, width) of the picture.
        masks: where there are regions, their masks by layer, (regions, h, w).
        visible: where parts of the picture are transparent, how much each position counts, (h, w), by content
            layer and for ``pixels``.
        achromatic: whether the picture is looked at without its colors, so that it stays gray.
        grain: how fine the details should be: the root of their mean energy.
    """

    network: FeatureNetwork
    content_targets: Mapping[str, Tensor]
    content_scales: Mapping[str, Any]
    style: StyleLoss | None
    weights: LossWeights
    formulas: Formulas
    shape: tuple[int, int]
    masks: Mapping[str, Array] = field(default_factory=dict)
    visible: Mapping[str, Array] = field(default_factory=dict)
    achromatic: bool = False
    grain: Any = 0.0

    def __call__(self, image: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the weighted total and the unweighted terms of a whole picture.

        Args:
            image: float32 (1, height, width, 3), sRGB in [0, 1].
            weights: of the terms, as for `losses`.

        Returns:
            total: float32 scalar; terms: float32 (5,) in the order of `TERMS`.
        """
        return self.losses(self.measure(image, self.whole), weights)

    @property
    def memory(self) -> int:
        """Bytes of its targets and masks."""
        arrays = (*self.content_targets.values(), *self.masks.values(), *self.visible.values())
        values = self.style.values.values() if self.style else ()
        return sum(4 * math.prod(array.shape) for array in (*arrays, *values))

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the losses look at."""
        return (*self.content_scales, *(self.style.layers if self.style else ()))

    @property
    def form(self) -> Hashable:
        """Equal for objectives that differ in their values only, and in weights but not in which are 0."""
        digest = hashlib.blake2b()
        for layer, mask in (*self.masks.items(), *self.visible.items()):
            digest.update(f"{layer} {mask.shape}".encode() + mask.tobytes())
        used = tuple(self.weights.vector > 0)
        style = self.style.form if self.style else None
        layers = tuple(self.content_scales)
        picture = self.shape, self.achromatic
        return self.network, picture, self.formulas, layers, style, used, digest.digest()

    @property
    def values(self) -> dict[str, Any]:
        """What objectives of one form differ in: arrays by name, but for the content image's features."""
        values = {f"scale/{layer}": np.float32(scale) for layer, scale in self.content_scales.items()}
        style = {f"style/{name}": value for name, value in self.style.values.items()} if self.style else {}
        return values | style | {"grain": np.float32(self.grain)}

    @property
    def content(self) -> dict[str, Tensor]:
        """The content image's features as a part of the view of the whole picture."""
        return {f"content/{layer}": target for layer, target in self.content_targets.items()}

    def with_values(self, values: Mapping[str, Tensor]) -> Objective:
        """Return this objective with the values of another one of its form, and no content features."""
        scales = {layer: values[f"scale/{layer}"] for layer in self.content_scales}
        style: Any = self.style
        if style:
            targets = {k.removeprefix("style/"): v for k, v in values.items() if k.startswith("style/")}
            style = replace(style, values=targets)
        return replace(self, content_targets={}, content_scales=scales, style=style, grain=values["grain"])

    def with_content(self, targets: Mapping[str, Tensor], sums: Mapping[str, ContentSums]) -> Objective:
        """Return this objective with its content: the features by layer and their sums."""
        scales = {layer: self.formulas.content_scale(total) for layer, total in sums.items()}
        return replace(self, content_targets=targets, content_scales=scales)

    @property
    def whole(self) -> View:
        """The view of the whole picture."""
        return self.content | self.constants

    @property
    def constants(self) -> dict[str, Array]:
        """What of that view is the same for all objectives of one form."""
        masks = {f"mask/{layer}": mask for layer, mask in self.masks.items()}
        visible = {f"core/{layer}": mask for layer, mask in self.visible.items() if layer != "pixels"}
        return masks | visible | ({"visible": self.visible["pixels"]} if self.visible else {})

    def measure(self, image: Tensor, view: View) -> dict[str, Tensor]:
        """Return named sums over the positions of a picture or of a part of it.

        Args:
            image: float32 (1, height, width, 3), the picture or a part with its surroundings.
            view: ``content/LAYER`` -> the targets there, or ``raw/LAYER`` -> before they are made
                comparable; ``mask/LAYER`` -> float32 (regions, h, w) where
                there are regions or parts; for parts ``core/LAYER`` and ``core/pixels`` -> float32
                (h, w), 1 where a position belongs to the part and 0 where it surrounds it; where parts of
                the picture are transparent, ``core/LAYER`` of content layers and ``visible`` (pixels) are
                less there.
        """
        if self.achromatic:
            image = ops.repeat(ops.mean(image, axis=-1, keepdims=True), 3, axis=-1)
        features = self.network.features(image, set(self.layers))
        sums = self.style.measure(features, view) if self.style else {}
        for layer in self.content_scales:
            projected, target = self.network.projected(layer, features[layer]), view.get(f"content/{layer}")
            if target is None:
                raw = ops.cast(view[f"raw/{layer}"], features[layer].dtype)
                target = self.network.projected(layer, raw)
            sums[f"content/{layer}"] = squared_error(projected, target, view.get(f"core/{layer}"))
        core = view.get("core/pixels")
        visible = view.get("visible", core)
        sums["variation"] = self.formulas.variation_sums(image, visible)
        sums["range"] = out_of_range_sum(image, core)
        if self.weights.grain:
            sums["grain"] = grain_sum(image, visible)
        return sums

    def losses(self, sums: Mapping[str, Tensor], weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the weighted total and the unweighted terms from the whole picture's sums.

        Args:
            sums: of `measure`.
            weights: float32 (5,), of the terms in their order, so that one compiled function serves all
                weights; the objective's own if None, whose zeros leave terms out in any case.
        """
        content = ops.zeros((), "float32")
        for layer, scale in self.content_scales.items():
            content = content + scale * sums[f"content/{layer}"] / len(self.content_scales)
        down, right = (scale / self._visible_share for scale in self.formulas.variation_scale(self.shape))
        terms = {
            "content": content,
            "style": self.style.loss(sums) if self.style else ops.zeros((), "float32"),
            "variation": down * sums["variation"][0] + right * sums["variation"][1],
            "range": sums["range"] / (3 * self.shape[0] * self.shape[1]),
            "grain": self._grain_loss(sums) if self.weights.grain else ops.zeros((), "float32"),
        }
        total = ops.zeros((), "float32")
        for index, name in enumerate(TERMS):
            if own := getattr(self.weights, name):
                total = total + (own if weights is None else weights[index]) * terms[name]
        return total, ops.stack([terms[name] for name in TERMS])

    def _grain_loss(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return (g / h - 1)^2 for the details' root mean square g and the wanted one h."""
        grain = ops.sqrt(sums["grain"] / (_inner(self.shape) * self._visible_share) + 1e-8)
        return ops.square(grain / self.grain - 1)

    @property
    def _visible_share(self) -> float:
        return float(self.visible["pixels"].mean()) + 1e-6 if self.visible else 1.0


def _inner(shape: tuple[int, int]) -> int:
    return 3 * (shape[0] - 2) * (shape[1] - 2)


def style_grain(regions: Sequence[StyledRegion]) -> float:
    """Return the root mean square of the style images' finest details, a mean over all of them."""
    energies = []
    for style in (style for region in regions for style in region.styles):
        mask = None if style.mask is None else resize(style.mask, style.size)
        energy = float(grain_sum(ops.convert_to_tensor(resize(style.pixels, style.size)[None]), mask))
        covered = 1.0 if mask is None else float(mask[1:-1, 1:-1].mean()) + 1e-6
        energies.append(style.weight * energy / (_inner(style.size) * covered))
    return float(np.sqrt(sum(energies) / sum(s.weight for r in regions for s in r.styles)))


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


def seen_content_layers(settings: Settings) -> Sequence[str]:
    """Return the layers at which a picture is compared with its content image; none if it weighs nothing."""
    return settings.content_layers if LossWeights.from_settings(settings).content else ()


def seen_layers(settings: Settings) -> tuple[str, ...]:
    """Return all layers that an objective looks at."""
    styled = LossWeights.from_settings(settings).style
    weights = style_layer_weights(settings.style_loss, settings.style_layer_weights) if styled else {}
    return (*seen_content_layers(settings), *weights)


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
            raise SettingError("style_loss must not be sliced where there are regions; choose gram")
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
            seen = to_host(network.projected(layer, features))[0]
            mask = part.cut_layer(visible[layer], level, seen.shape[:2]) if layer in visible else None
            mask = None if mask is None else part.core_of(mask, level)
            core = ContentSums.of(part.core_of(seen, level), mask)
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
