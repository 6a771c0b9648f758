"""How well a distilled network sees as its teacher does, on pictures that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.stats import spearmanr

from impasto.engine.gradients import to_host
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.feature_network import FeatureNetwork, Tensor, apply_head

Array = NDArray[np.float32]
REPORTED_LAYERS = (*STYLE_LAYERS, CONTENT_LAYER)


class Tally:
    """Sums from which the share of explained variance follows, about the channel means of all pictures."""

    def __init__(self) -> None:
        self.count, self.error = 0, 0.0
        self.total: Any = 0.0
        self.squares: Any = 0.0

    def add(self, prediction: Array, truth: Array) -> None:
        """Add the features of one picture, (1, height, width, channels)."""
        exact = truth.astype(np.float64)
        self.count += exact[..., 0].size
        self.error += float(np.square(prediction - exact).sum())
        self.total = self.total + exact.sum(axis=(0, 1, 2))
        self.squares = self.squares + np.square(exact).sum(axis=(0, 1, 2))

    @property
    def r2(self) -> float:
        """1 - squared error / variance."""
        spread = float((self.squares - self.total**2 / self.count).sum())
        return 1 - self.error / spread


def evaluate_student(student: FeatureNetwork, teacher: FeatureNetwork, pictures: Array) -> dict[str, Any]:
    """Compare a finished student with its teacher, through the features that losses compare.

    Args:
        student: with a ``metric`` or an ``expand`` head at each style layer and the content layer.
        teacher: whose features are taken as they are.
        pictures: float32 (count, size, size, 3) in [0, 1], held out from training.

    Returns:
        ``r2``: by layer, the share of the variance of the teacher's features, about their channel
        means over all pictures, that the student's explain; ``style_rank_correlation``: Spearman's, of the
        relative style losses between all pairs of pictures; ``pictures``: how many.
    """
    tallies = {layer: Tally() for layer in REPORTED_LAYERS}
    grams: list[dict[str, list[Array]]] = [{k: [] for k in STYLE_LAYERS} for _ in range(2)]
    for picture in pictures:
        image = ops.convert_to_tensor(picture[None])
        features, truth = (network.features(image, REPORTED_LAYERS) for network in (student, teacher))
        for layer, tally in tallies.items():
            tally.add(to_host(compared(student, layer, features[layer])), to_host(truth[layer]))
        for layer in STYLE_LAYERS:
            grams[0][layer].append(to_host(student.gram_matrix(layer, features[layer])))
            grams[1][layer].append(to_host(teacher.gram_matrix(layer, truth[layer])))
    distances = [
        np.sum([style_distances(np.stack(matrices)) for matrices in by_layer.values()], axis=0)
        for by_layer in grams
    ]
    pairs = ~np.eye(len(pictures), dtype=bool)
    return {
        "pictures": len(pictures),
        "r2": {layer: round(tally.r2, 4) for layer, tally in tallies.items()},
        "style_rank_correlation": round(float(spearmanr(*(d[pairs] for d in distances)).statistic), 4),
    }


def compared(network: FeatureNetwork, layer: str, features: Tensor) -> Tensor:
    """Return a layer's features as losses compare them, also where they look at their moments only."""
    if network.has_metric(layer):
        return apply_head(features, network.weights, f"metric{layer[4:]}")
    return network.projected(layer, features)


def style_distances(grams: Array) -> NDArray[np.float64]:
    """Return `losses.relative_style_loss` of every picture (rows) from every other (columns).

    Args:
        grams: Gram matrices of one layer, (pictures, channels, channels).
    """
    flat = grams.reshape(len(grams), -1).astype(np.float64)
    products = flat @ flat.T
    sizes = np.diagonal(products)
    distances: NDArray[np.float64] = np.maximum(sizes[:, None] + sizes - 2 * products, 0) / (sizes + 1e-12)
    return distances
