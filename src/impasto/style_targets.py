"""Who is painted after what: style images, the regions that they cover, and how a network sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.feature_network import MINIMUM_SIDE, FeatureNetwork
from impasto.gradients import to_host

Tensor = Any
Array = NDArray[np.float32]
Features = Mapping[str, Tensor]

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


@dataclass(frozen=True, kw_only=True)
class SeenStyle:
    """One style image as the network sees it, in one part or in several.

    Attributes:
        weights: its weight at each layer.
        parts: yields (features by layer, masks by layer); positions without a mask count fully.
    """

    weights: Mapping[str, float]
    parts: Callable[[], Iterator[tuple[Features, Mapping[str, Array]]]]

    def moments(self, network: FeatureNetwork) -> dict[str, tuple[Tensor, Tensor]]:
        """Return by layer its mean products of channels and its channel means, as compared."""
        sums: dict[str, list[Any]] = {layer: [0.0, 0.0, 1e-6] for layer in self.weights}
        for features, masks in self.parts():
            for layer, total in sums.items():
                found, mask = features[layer], masks.get(layer)
                second, first = network.moment_sums(layer, found, mask)
                positions = found.shape[1] * found.shape[2] if mask is None else float(mask.sum())
                total[0], total[1], total[2] = total[0] + second, total[1] + first, total[2] + positions
        return {k: network.wide_moments(k, second / n, first / n) for k, (second, first, n) in sums.items()}

    def rows(self, seen_as: Callable[[str, Tensor], Tensor]) -> dict[str, Array]:
        """Return by layer the features of its positions, (positions, channels), masked ones left out.

        Args:
            seen_as: layer and features -> what is compared.
        """
        found: dict[str, list[Array]] = {layer: [] for layer in self.weights}
        counts: dict[str, list[Array]] = {layer: [] for layer in self.weights}
        for features, masks in self.parts():
            for layer in self.weights:
                wide, mask = seen_as(layer, features[layer]), masks.get(layer)
                found[layer].append(to_host(ops.reshape(wide, (-1, wide.shape[-1]))))
                positions = len(found[layer][-1])
                counts[layer].append(np.ones(positions, np.float32) if mask is None else mask.ravel())
        shares = {layer: np.concatenate(parts) for layer, parts in counts.items()}
        return {k: np.concatenate(v)[shares[k] >= 0.5 * shares[k].max()] for k, v in found.items()}


@dataclass(frozen=True, kw_only=True)
class StyleTargets:
    """What every measure needs to know: the style images, and who counts where.

    Attributes:
        network: the feature network.
        regions: for each region its style images.
        layer_weights: weight of each layer.
        shares: each region's share of the picture.
        totals: positions (sums of masks) of each region at each layer of the pastiche.
    """

    network: FeatureNetwork
    regions: Sequence[Sequence[SeenStyle]]
    layer_weights: Mapping[str, float]
    shares: Sequence[float]
    totals: Mapping[str, Sequence[float]]

    def weights(self, layer: str) -> list[float]:
        """Return the weight of a layer in each region: nothing where no style image covers it."""
        return [
            share * self.layer_weights[layer] * any(s.weights[layer] > 0 for s in styles)
            for share, styles in zip(self.shares, self.regions, strict=True)
        ]


def blend(weights: Sequence[float], values: Sequence[Any]) -> Any:
    """Return the weighted mean of arrays or tensors of one shape."""
    total = sum(weights) or 1.0
    return sum(value * (weight / total) for value, weight in zip(values, weights, strict=True))


def blended_moments(network: FeatureNetwork, styles: Sequence[SeenStyle]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the blend of several style images' Gram matrices and channel means."""
    found = [style.moments(network) for style in styles]
    blended = {}
    for layer in found[0]:
        weights = [style.weights[layer] for style in styles]
        second, first = (blend(weights, [f[layer][i] for f in found]) for i in (0, 1))
        blended[layer] = second, first
    return blended
