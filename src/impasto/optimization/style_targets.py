"""Who is painted after what: style images, the regions that they cover, and how a network sees them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.networks.feature_network import FeatureNetwork

Tensor = Any
Array = NDArray[np.float32]
Features = Mapping[str, Tensor]


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
                values, mask = features[layer], masks.get(layer)
                second, first = network.moment_sums(layer, values, mask)
                positions = values.shape[1] * values.shape[2] if mask is None else float(mask.sum())
                total[0], total[1], total[2] = total[0] + second, total[1] + first, total[2] + positions
        return {
            k: network.projected_moments(k, second / n, first / n) for k, (second, first, n) in sums.items()
        }

    def rows(self, seen_as: Callable[[str, Tensor], Tensor]) -> dict[str, Array]:
        """Return by layer the features of its positions, (positions, channels), masked ones left out.

        Args:
            seen_as: layer and features -> what is compared.
        """
        rows: dict[str, list[Array]] = {layer: [] for layer in self.weights}
        counts: dict[str, list[Array]] = {layer: [] for layer in self.weights}
        for features, masks in self.parts():
            for layer in self.weights:
                compared, mask = seen_as(layer, features[layer]), masks.get(layer)
                rows[layer].append(to_host(ops.reshape(compared, (-1, compared.shape[-1]))))
                positions = len(rows[layer][-1])
                counts[layer].append(np.ones(positions, np.float32) if mask is None else mask.ravel())
        coverage = {layer: np.concatenate(parts) for layer, parts in counts.items()}
        return {k: np.concatenate(v)[coverage[k] >= 0.5 * coverage[k].max()] for k, v in rows.items()}


@dataclass(frozen=True, kw_only=True)
class StyleAreas:
    """Who counts where: what a measure of style has to know beside the style images themselves.

    Attributes:
        network: the feature network.
        weights: by layer the weight of each region's loss.
        totals: by layer the positions (sums of masks) of each region of the pastiche.
    """

    network: FeatureNetwork
    weights: Mapping[str, Sequence[float]]
    totals: Mapping[str, Sequence[float]]

    @property
    def form(self) -> Hashable:
        """Equal for equal areas of the same network."""
        tables = (tuple((k, tuple(v)) for k, v in table.items()) for table in (self.weights, self.totals))
        return self.network, *tables


@dataclass(frozen=True, kw_only=True)
class StyleTargets:
    """What every measure is built from: the style images, and who counts where.

    Attributes:
        areas: who counts where.
        regions: for each region its style images.
    """

    areas: StyleAreas
    regions: Sequence[Sequence[SeenStyle]]

    @property
    def network(self) -> FeatureNetwork:
        """The feature network."""
        return self.areas.network

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that are compared."""
        return tuple(self.areas.weights)


def blend(weights: Sequence[float], values: Sequence[Any]) -> Any:
    """Return the weighted mean of arrays or tensors of one shape."""
    total = sum(weights) or 1.0
    return sum(value * (weight / total) for value, weight in zip(values, weights, strict=True))


def blended_moments(network: FeatureNetwork, styles: Sequence[SeenStyle]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the blend of several style images' Gram matrices and channel means."""
    moments = [style.moments(network) for style in styles]
    blended = {}
    for layer in moments[0]:
        weights = [style.weights[layer] for style in styles]
        second, first = (blend(weights, [f[layer][i] for f in moments]) for i in (0, 1))
        blended[layer] = second, first
    return blended
