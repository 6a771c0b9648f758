"""What "in the style of" means: four measures of how far a picture is from its style images.

Each is built from the style images of a picture's regions, frozen, and then does two things: `measure`
takes features to sums over positions, and `loss` takes these sums to one loss. Where the sums of a
picture's parts add up to its own (`additive`), a picture of any size can be looked at in parts.

===========  =======================================================================================
gram         Gram matrices F'F / M (Gatys et al. 2016, equation 5), or as the settings' formulas say
moments      mean and covariance: |m - n|^2 / |n|^2 + |C - D|^2 / |D|^2 (after Li et al., "Demystifying
             Neural Style Transfer", IJCAI 2017)
sliced       sliced Wasserstein-2: along fixed orthogonal directions, the sorted projections against
             the style's (Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis",
             CVPR 2021)
neighbors    1 - cosine to the nearest of the style's features, both about the style's mean (after
             Kolkin et al., "Neural Neighbor Style Transfer", 2022)
===========  =======================================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.layers import level_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.losses import FORMULAS, Formulas, relative_style_loss
from impasto.optimization.style_targets import Features, StyleAreas, StyleTargets, blend, blended_moments

Tensor = Any
Array = NDArray[np.float32]

CUT_FROM = 3
"""Poolings before a layer of which a region is cut out before its channels are multiplied."""

LAYER_WEIGHTS_OF_NEIGHBORS = {"relu3_1": 0.5, "relu4_1": 0.5}
NEIGHBORS_AT_MOST = 4096
"""Style features that are compared with, at each layer; more are thinned out evenly."""
CHUNK = 4096
SORTED_AT_MOST = 65_536
"""Positions of a layer that are sorted; of larger layers every second row and column."""
QUANTILES = 1025
"""By which a style's distribution along a direction is known."""
SCALES = {"gram": 1.0, "moments": 0.25, "sliced": 1.0, "neighbors": 0.2}
"""What makes one strength keep about as much of the photo with every measure (`benchmarks/controls.py`).
Not ``neighbors``: by VGG-19 0.6 would, but to the eye it leaves nothing of a face."""


@dataclass(frozen=True, kw_only=True)
class StyleLoss(ABC):
    """A frozen measure of style: what the style images are known by, and how a picture compares with that.

    Losses of one form differ in their values only, so that one compiled function serves them all.

    Attributes:
        areas: who counts where.
        values: what the style images are known by: arrays by name.
        additive: whether the sums of a picture's parts add up to its own.
    """

    areas: StyleAreas
    values: Mapping[str, Tensor]
    additive: ClassVar[bool] = True

    @property
    @abstractmethod
    def form(self) -> Hashable:
        """Equal for losses that differ in their values only."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it looks at."""
        return tuple(self.areas.weights)

    @abstractmethod
    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return named sums over the positions of a picture, or of the part that the view describes.

        Args:
            features: of the pastiche, each (1, height, width, channels).
            view: ``mask/LAYER`` -> float32 (regions, height, width) where regions or parts exist.
        """

    @abstractmethod
    def loss(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the loss, a float32 scalar, from the whole picture's sums."""


@dataclass(frozen=True, kw_only=True)
class MomentLoss(StyleLoss):
    """``gram`` and ``moments``: losses of second and first moments.

    Attributes:
        areas: who counts where.
        formulas: how two Gram matrices are compared.
        kind: which of both it is.
        values: ``second/REGION/LAYER`` and ``first/REGION/LAYER``: the styles' moments.
    """

    formulas: Formulas
    kind: Literal["gram", "moments"]

    @classmethod
    def of(cls, targets: StyleTargets, formulas: Formulas, kind: Literal["gram", "moments"]) -> MomentLoss:
        """Return the loss of style images."""
        values = {}
        for index, styles in enumerate(targets.regions):
            for layer, (second, first) in blended_moments(targets.network, styles).items():
                values[f"second/{index}/{layer}"], values[f"first/{index}/{layer}"] = second, first
        return cls(areas=targets.areas, formulas=formulas, kind=kind, values=values)

    @property
    def form(self) -> Hashable:
        """Equal for losses that differ in their values only."""
        return self.kind, self.formulas, self.areas.form

    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each layer's products (regions, c, c) and sums (regions, c) of channels."""
        network, sums = self.areas.network, {}
        for layer in self.layers:
            masks = view.get(f"mask/{layer}")
            if masks is None:
                moments = [network.moment_sums(layer, features[layer])]
            else:
                moments = _sums_by_region(network, layer, features[layer], masks)
            sums[f"second/{layer}"] = ops.stack([second for second, _ in moments])
            if network.has_metric(layer) or self.kind == "moments":
                sums[f"first/{layer}"] = ops.stack([first for _, first in moments])
        return sums

    def loss(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum over layers and regions."""
        network, loss = self.areas.network, ops.zeros((), "float32")
        for layer in self.layers:
            for index, weight in enumerate(self.areas.weights[layer]):
                if not weight:
                    continue
                positions = self.areas.totals[layer][index]
                second = sums[f"second/{layer}"][index] / positions
                first = sums[f"first/{layer}"][index] / positions if f"first/{layer}" in sums else None
                moments = network.projected_moments(layer, second, first)
                wanted = self.values[f"second/{index}/{layer}"], self.values[f"first/{index}/{layer}"]
                loss = loss + weight * self._compare(moments, wanted)
        return loss

    def _compare(self, moments: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
        (gram, mean), (wanted, wanted_mean) = moments, target
        if self.kind == "gram":
            size = gram.shape[-1] if self.formulas.by_size else 1
            return self.formulas.style(gram / size, wanted / size)
        covariance = relative_style_loss(
            gram - ops.outer(mean, mean), wanted - ops.outer(wanted_mean, wanted_mean)
        )
        return SCALES["moments"] * (covariance + relative_style_loss(mean, wanted_mean))


def _sums_by_region(
    network: FeatureNetwork, layer: str, features: Tensor, masks: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Return each region's `FeatureNetwork.moment_sums`.

    Where masks are known beforehand, as a whole picture's are, less is multiplied: from block 4 on, where
    products of channels cost much and cutting little, only what lies within a region; before, where the
    regions share all of the picture, the largest one's sums are what the others leave of the picture's.
    """
    parts, last = [masks[i] for i in range(masks.shape[0])], None
    if isinstance(masks, np.ndarray):
        if level_of(layer) >= CUT_FROM:
            return [network.moment_sums(layer, *_within(features, mask)) for mask in parts]
        if np.allclose(masks.sum(axis=0), 1, atol=1e-6):
            last = int(np.argmax(masks.sum(axis=(1, 2))))
    moments = [network.moment_sums(layer, features, None if i == last else m) for i, m in enumerate(parts)]
    if last is not None:
        for i in set(range(len(parts))) - {last}:
            moments[last] = moments[last][0] - moments[i][0], moments[last][1] - moments[i][1]
    return moments


def _within(features: Tensor, mask: Array) -> tuple[Tensor, Array]:
    """Return features and mask without the rows and columns about a region, which count for nothing."""
    if not mask.any():
        return features, mask
    (top, bottom), (left, right) = (np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0))
    rows, columns = slice(top, bottom + 1), slice(left, right + 1)
    return features[:, rows, columns], np.ascontiguousarray(mask[rows, columns])


@dataclass(frozen=True, kw_only=True)
class NeighborLoss(StyleLoss):
    """``neighbors``: every position's features are drawn to the nearest of the style's.

    Attributes:
        areas: who counts where.
        values: ``mean/REGION/LAYER`` (channels,) and ``rows/REGION/LAYER`` (count, channels): the styles'
            mean features, and their unit features about it.
    """

    @classmethod
    def of(cls, targets: StyleTargets) -> NeighborLoss:
        """Return the loss of style images."""
        values = {}
        for index, styles in enumerate(targets.regions):
            features = [style.rows(targets.network.projected) for style in styles]
            for layer in targets.layers:
                weights = [style.weights[layer] for style in styles]
                mean, unit = _known(weights, [rows[layer] for rows in features])
                values[f"mean/{index}/{layer}"], values[f"rows/{index}/{layer}"] = mean, unit
        return cls(areas=targets.areas, values=values)

    @property
    def form(self) -> Hashable:
        """Equal for losses that differ in their values only."""
        return "neighbors", self.areas.form

    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each layer's summed distances to the nearest style features, (regions,)."""
        sums = {}
        for layer in self.layers:
            projected = self.areas.network.projected(layer, features[layer])
            flat = ops.cast(ops.reshape(projected, (-1, projected.shape[-1])), "float32")
            masks = view.get(f"mask/{layer}")
            by_region = []
            for index in range(len(self.areas.weights[layer])):
                mean, style = self.values[f"mean/{index}/{layer}"], self.values[f"rows/{index}/{layer}"]
                distances = 1 - _nearest_cosine(_unit(flat - mean), style)
                mask = 1.0 if masks is None else ops.reshape(masks[index], (-1,))
                by_region.append(ops.sum(distances * mask))
            sums[f"distance/{layer}"] = ops.stack(by_region)
        return sums

    def loss(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted mean distance."""
        return _weighted_means(self.areas, sums, "distance") * SCALES["neighbors"]


def _known(weights: Sequence[float], several: Sequence[Array]) -> tuple[Tensor, Tensor]:
    """Return the styles' mean (channels,) and unit features about it (count, channels)."""
    total, chosen = sum(weights) or 1.0, []
    for weight, rows in zip(weights, several, strict=True):
        count = round(NEIGHBORS_AT_MOST * weight / total)
        chosen.append(rows[np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))])
    flat = np.concatenate(chosen)
    mean = flat.mean(axis=0) if len(flat) else np.zeros(flat.shape[1], np.float32)
    flat = flat if len(flat) else np.ones((1, flat.shape[1]), np.float32)  # weighs nothing
    return ops.convert_to_tensor(mean), _unit(ops.convert_to_tensor(flat - mean))


def _weighted_means(areas: StyleAreas, sums: Mapping[str, Tensor], name: str) -> Tensor:
    loss = ops.zeros((), "float32")
    for layer, weights in areas.weights.items():
        for index, weight in enumerate(weights):
            loss = loss + weight * sums[f"{name}/{layer}"][index] / areas.totals[layer][index]
    return loss


def _unit(rows: Tensor) -> Tensor:
    return rows / ops.sqrt(ops.sum(ops.square(rows), axis=-1, keepdims=True) + 1e-8)


def _nearest_cosine(rows: Tensor, style: Tensor) -> Tensor:
    """Return each row's cosine to the nearest style row, in chunks; which one it is has no gradient."""
    fixed, chosen = ops.stop_gradient(rows), []
    for start in range(0, rows.shape[0], CHUNK):
        likeness = ops.matmul(fixed[start : start + CHUNK], ops.transpose(style))
        chosen.append(ops.argmax(likeness, axis=-1))
    nearest = ops.take(style, ops.concatenate(chosen), axis=0)
    return ops.sum(rows * ops.stop_gradient(nearest), axis=-1)


@dataclass(frozen=True, kw_only=True)
class SlicedLoss(StyleLoss):
    """``sliced``: along fixed orthogonal directions, how far features must move to be the style's.

    Attributes:
        areas: who counts where: one region.
        values: ``directions/LAYER`` (channels, channels), ``quantiles/LAYER`` (QUANTILES, channels): the
            styles' along each, and ``spread/LAYER`` ().
    """

    additive: ClassVar[bool] = False

    @classmethod
    def of(cls, targets: StyleTargets, seed: int) -> SlicedLoss:
        """Return the loss of style images, along directions that the seed chooses."""
        (styles,) = targets.regions
        features = [style.rows(lambda layer, features: features) for style in styles]
        values: dict[str, Tensor] = {}
        for layer in targets.layers:
            weights = [style.weights[layer] for style in styles]
            names = (f"{name}/{layer}" for name in ("directions", "quantiles", "spread"))
            values |= dict(
                zip(names, _slices(seed, weights, [rows[layer] for rows in features]), strict=True)
            )
        return cls(areas=targets.areas, values=values)

    @property
    def form(self) -> Hashable:
        """Equal for losses that differ in their values only."""
        return "sliced", self.areas.form

    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each layer's mean squared move, relative to the style's spread, (1,)."""
        sums = {}
        for layer in self.layers:
            directions, quantiles = self.values[f"directions/{layer}"], self.values[f"quantiles/{layer}"]
            projected = ops.sort(
                ops.transpose(ops.matmul(_sorted_rows(features[layer]), directions)), axis=-1
            )
            count = projected.shape[-1]
            at = (np.arange(count) + 0.5) / count * (QUANTILES - 1)
            low = np.minimum(at.astype("int32"), QUANTILES - 2)
            weight = ops.convert_to_tensor(
                (at - low)[:, None], "float32"
            )  # PyTorch multiplies no NumPy array
            wanted = (1 - weight) * ops.take(quantiles, low, 0) + weight * ops.take(quantiles, low + 1, 0)
            error = ops.mean(ops.square(projected - ops.transpose(wanted)))
            moved = error / self.values[f"spread/{layer}"] * self.areas.totals[layer][0]
            sums[f"move/{layer}"] = ops.reshape(moved, (1,))
        return sums

    def loss(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted mean move."""
        return _weighted_means(self.areas, sums, "move") * SCALES["sliced"]


def _slices(seed: int, weights: Sequence[float], several: Sequence[Array]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the directions (c, c), the styles' quantiles along each, and their spread."""
    channels = several[0].shape[1]
    rng, grid = np.random.default_rng((seed, channels)), np.linspace(0, 1, QUANTILES)
    directions = np.linalg.qr(rng.normal(size=(channels, channels)))[0].astype(np.float32)
    quantiles = [np.quantile(rows @ directions, grid, axis=0).astype(np.float32) for rows in several]
    wanted = np.asarray(blend(weights, quantiles), np.float32)
    spread = np.mean(np.square(wanted - wanted.mean(axis=0))) + 1e-12
    directions, wanted, spread = (
        ops.convert_to_tensor(np.asarray(value, np.float32)) for value in (directions, wanted, spread)
    )
    return directions, wanted, spread


def _sorted_rows(features: Tensor) -> Tensor:
    """Return the positions that are sorted, (positions, channels): of large layers a part."""
    while features.shape[1] * features.shape[2] > SORTED_AT_MOST:
        features = features[:, ::2, ::2]
    return ops.cast(ops.reshape(features, (-1, features.shape[-1])), "float32")


def new_style_loss(kind: str, formulas: str, targets: StyleTargets, seed: int) -> StyleLoss:
    """Return the measure of a name: gram, moments, sliced or neighbors."""
    if kind == "sliced":
        return SlicedLoss.of(targets, seed)
    if kind == "neighbors":
        return NeighborLoss.of(targets)
    return MomentLoss.of(targets, FORMULAS[formulas], "moments" if kind == "moments" else "gram")


def style_layer_weights(kind: str, given: Mapping[str, float]) -> dict[str, float]:
    """Return the layers that a measure looks at and their weights."""
    chosen = {layer: weight for layer, weight in given.items() if weight}
    if kind != "neighbors":
        return chosen
    deep = {layer: weight for layer, weight in chosen.items() if layer in LAYER_WEIGHTS_OF_NEIGHBORS}
    return {layer: weight / sum(deep.values()) for layer, weight in deep.items()} or dict(
        LAYER_WEIGHTS_OF_NEIGHBORS
    )
