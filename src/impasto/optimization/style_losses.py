"""What "in the style of" means: four measures of how far a picture is from its style images.

Each is built from the style images of a picture's regions, frozen, and then does two things: `measure`
takes features to sums over positions, and `judge` takes these sums to one loss. Where the sums of a
picture's parts add up to its own (`additive`), a picture of any size can be judged in parts.

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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.layers import level_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.losses import FORMULAS, Formulas, relative_style_loss
from impasto.optimization.style_targets import Features, StyleTargets, blend, blended_moments

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
SCALES = {"gram": 1.0, "moments": 0.25, "sliced": 1.0, "neighbors": 0.2}
"""What makes one strength keep about as much of the photo with every measure (`benchmarks/controls.py`).
Not ``neighbors``: by the judge 0.6 would, but to the eye it leaves nothing of a face."""


class StyleLoss(Protocol):
    """A frozen measure of style."""

    @property
    def additive(self) -> bool:
        """Whether the sums of a picture's parts add up to its own."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it looks at."""

    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return named sums over the positions of a picture, or of the part that the view describes.

        Args:
            features: of the pastiche, each (1, height, width, channels).
            view: ``mask/LAYER`` -> float32 (regions, height, width) where regions or parts exist.
        """

    def judge(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the loss, a float32 scalar, from the whole picture's sums."""


@dataclass(frozen=True, kw_only=True)
class MomentLoss:
    """``gram`` and ``moments``: losses of second and first moments."""

    targets: StyleTargets
    formulas: Formulas
    kind: Literal["gram", "moments"]
    moments: Sequence[Mapping[str, tuple[Tensor, Tensor]]] = field(init=False)
    additive = True

    def __post_init__(self) -> None:
        targets = self.targets
        found = [blended_moments(targets.network, styles) for styles in targets.regions]
        object.__setattr__(self, "moments", found)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it looks at."""
        return tuple(self.targets.layer_weights)

    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each layer's products (regions, c, c) and sums (regions, c) of channels."""
        network, sums = self.targets.network, {}
        for layer in self.layers:
            masks = view.get(f"mask/{layer}")
            if masks is None:
                found = [network.moment_sums(layer, features[layer])]
            else:
                found = _sums_by_region(network, layer, features[layer], masks)
            sums[f"second/{layer}"] = ops.stack([second for second, _ in found])
            if network.has_metric(layer) or self.kind == "moments":
                sums[f"first/{layer}"] = ops.stack([first for _, first in found])
        return sums

    def judge(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum over layers and regions."""
        network, loss = self.targets.network, ops.zeros((), "float32")
        for layer in self.layers:
            for index, weight in enumerate(self.targets.weights(layer)):
                if not weight:
                    continue
                positions = self.targets.totals[layer][index]
                second = sums[f"second/{layer}"][index] / positions
                first = sums[f"first/{layer}"][index] / positions if f"first/{layer}" in sums else None
                found = network.wide_moments(layer, second, first)
                loss = loss + weight * self._compare(found, self.moments[index][layer])
        return loss

    def _compare(self, found: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
        (gram, mean), (wanted, wanted_mean) = found, target
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
    found = [network.moment_sums(layer, features, None if i == last else m) for i, m in enumerate(parts)]
    if last is not None:
        for i in set(range(len(parts))) - {last}:
            found[last] = found[last][0] - found[i][0], found[last][1] - found[i][1]
    return found


def _within(features: Tensor, mask: Array) -> tuple[Tensor, Array]:
    """Return features and mask without the rows and columns about a region, which count for nothing."""
    if not mask.any():
        return features, mask
    (top, bottom), (left, right) = (np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0))
    rows, columns = slice(top, bottom + 1), slice(left, right + 1)
    return features[:, rows, columns], np.ascontiguousarray(mask[rows, columns])


@dataclass(frozen=True, kw_only=True)
class NeighborLoss:
    """``neighbors``: every position's features are drawn to the nearest of the style's."""

    targets: StyleTargets
    known: Mapping[str, Sequence[tuple[Tensor, Tensor]]] = field(init=False)
    additive = True

    def __post_init__(self) -> None:
        expanded = self.targets.network.expanded
        seen = [[style.rows(expanded) for style in styles] for styles in self.targets.regions]
        found = {
            layer: [
                _known([style.weights[layer] for style in styles], [rows[layer] for rows in several])
                for styles, several in zip(self.targets.regions, seen, strict=True)
            ]
            for layer in self.targets.layer_weights
        }
        object.__setattr__(self, "known", found)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it looks at."""
        return tuple(self.known)

    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each layer's summed distances to the nearest style features, (regions,)."""
        sums = {}
        for layer, regions in self.known.items():
            wide = self.targets.network.expanded(layer, features[layer])
            flat = ops.cast(ops.reshape(wide, (-1, wide.shape[-1])), "float32")
            masks = view.get(f"mask/{layer}")
            found = []
            for index, (mean, style) in enumerate(regions):
                distances = 1 - _nearest_cosine(_unit(flat - mean), style)
                mask = 1.0 if masks is None else ops.reshape(masks[index], (-1,))
                found.append(ops.sum(distances * mask))
            sums[f"distance/{layer}"] = ops.stack(found)
        return sums

    def judge(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted mean distance."""
        return _weighted_means(self.targets, sums, "distance") * SCALES["neighbors"]


def _known(weights: Sequence[float], several: Sequence[Array]) -> tuple[Tensor, Tensor]:
    """Return the styles' mean (channels,) and unit features about it (count, channels)."""
    total, found = sum(weights) or 1.0, []
    for weight, rows in zip(weights, several, strict=True):
        count = round(NEIGHBORS_AT_MOST * weight / total)
        found.append(rows[np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))])
    flat = np.concatenate(found)
    mean = flat.mean(axis=0) if len(flat) else np.zeros(flat.shape[1], np.float32)
    flat = flat if len(flat) else np.ones((1, flat.shape[1]), np.float32)  # weighs nothing
    return ops.convert_to_tensor(mean), _unit(ops.convert_to_tensor(flat - mean))


def _weighted_means(targets: StyleTargets, sums: Mapping[str, Tensor], name: str) -> Tensor:
    loss = ops.zeros((), "float32")
    for layer, totals in targets.totals.items():
        for index, weight in enumerate(targets.weights(layer)):
            loss = loss + weight * sums[f"{name}/{layer}"][index] / totals[index]
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
class SlicedLoss:
    """``sliced``: along fixed orthogonal directions, how far features must move to be the style's."""

    targets: StyleTargets
    seed: int
    slices: Mapping[str, tuple[Tensor, Array, float]] = field(init=False)
    additive = False

    def __post_init__(self) -> None:
        (styles,) = self.targets.regions
        seen = [style.rows(lambda layer, features: features) for style in styles]
        found = {
            layer: self._slices([style.weights[layer] for style in styles], [rows[layer] for rows in seen])
            for layer in self.targets.layer_weights
        }
        object.__setattr__(self, "slices", found)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it looks at."""
        return tuple(self.slices)

    def _slices(self, weights: Sequence[float], several: Sequence[Array]) -> tuple[Tensor, Array, float]:
        """Return the directions (c, c), the styles' quantiles along each, and their spread."""
        channels = several[0].shape[1]
        rng, grid = np.random.default_rng((self.seed, channels)), np.linspace(0, 1, 1025)
        directions = np.linalg.qr(rng.normal(size=(channels, channels)))[0].astype(np.float32)
        quantiles = [np.quantile(rows @ directions, grid, axis=0).astype(np.float32) for rows in several]
        wanted = np.asarray(blend(weights, quantiles), np.float32)
        spread = float(np.mean(np.square(wanted - wanted.mean(axis=0)))) + 1e-12
        return ops.convert_to_tensor(directions), wanted, spread

    def measure(self, features: Features, view: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each layer's mean squared move, relative to the style's spread, (1,)."""
        sums = {}
        for layer, (directions, quantiles, spread) in self.slices.items():
            found = ops.sort(ops.transpose(ops.matmul(_sorted_rows(features[layer]), directions)), axis=-1)
            count = found.shape[-1]
            at = (np.arange(count) + 0.5) / count * (len(quantiles) - 1)
            low = np.minimum(at.astype(int), len(quantiles) - 2)
            share = (at - low)[:, None].astype(np.float32)
            wanted = (1 - share) * quantiles[low] + share * quantiles[low + 1]
            error = ops.mean(ops.square(found - ops.convert_to_tensor(wanted.T)))
            sums[f"move/{layer}"] = ops.reshape(error / spread * self.targets.totals[layer][0], (1,))
        return sums

    def judge(self, sums: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted mean move."""
        return _weighted_means(self.targets, sums, "move") * SCALES["sliced"]


def _sorted_rows(features: Tensor) -> Tensor:
    """Return the positions that are sorted, (positions, channels): of large layers a part."""
    while features.shape[1] * features.shape[2] > SORTED_AT_MOST:
        features = features[:, ::2, ::2]
    return ops.cast(ops.reshape(features, (-1, features.shape[-1])), "float32")


def new_style_loss(kind: str, formulas: str, targets: StyleTargets, seed: int) -> StyleLoss:
    """Return the measure of a name: gram, moments, sliced or neighbors."""
    if kind == "sliced":
        return SlicedLoss(targets=targets, seed=seed)
    if kind == "neighbors":
        return NeighborLoss(targets=targets)
    return MomentLoss(
        targets=targets, formulas=FORMULAS[formulas], kind="moments" if kind == "moments" else "gram"
    )


def style_layer_weights(kind: str, given: Mapping[str, float]) -> dict[str, float]:
    """Return the layers that a measure looks at and their weights."""
    chosen = {layer: weight for layer, weight in given.items() if weight}
    if kind != "neighbors":
        return chosen
    deep = {layer: weight for layer, weight in chosen.items() if layer in LAYER_WEIGHTS_OF_NEIGHBORS}
    return {layer: weight / sum(deep.values()) for layer, weight in deep.items()} or dict(
        LAYER_WEIGHTS_OF_NEIGHBORS
    )
