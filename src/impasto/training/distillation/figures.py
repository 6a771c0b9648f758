"""How well a distilled network sees as its teacher does, on pictures that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.stats import spearmanr

from impasto.engine.gradients import to_host
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.feature_network import FeatureNetwork, apply_head
from impasto.networks.moments import gram_matrix
from impasto.optimization.losses import relative_style_loss

Array = NDArray[np.float32]
REPORTED_LAYERS = (*STYLE_LAYERS, CONTENT_LAYER)


class Tally:
    """Sums from which the share of explained variance follows, about the channel means of all pictures."""

    def __init__(self) -> None:
        self.count, self.error = 0, 0.0
        self.total: Any = 0.0
        self.squares: Any = 0.0

    def add(self, found: Array, truth: Array) -> None:
        """Add the features of one picture, (1, height, width, channels)."""
        exact = truth.astype(np.float64)
        self.count += exact[..., 0].size
        self.error += float(np.square(found - exact).sum())
        self.total = self.total + exact.sum(axis=(0, 1, 2))
        self.squares = self.squares + np.square(exact).sum(axis=(0, 1, 2))

    @property
    def r2(self) -> float:
        """1 - squared error / variance."""
        spread = float((self.squares - self.total**2 / self.count).sum())
        return 1 - self.error / spread


def evaluate_student(student: FeatureNetwork, teacher: FeatureNetwork, pictures: Array) -> dict[str, Any]:
    """Compare a student with its teacher.

    Args:
        student: with a ``head`` for each teacher layer and an ``expand`` head for each style layer.
        teacher: with ``expand`` heads.
        pictures: float32 (count, size, size, 3) in [0, 1], held out from training.

    Returns:
        ``r2``: by layer, the share of the variance of the teacher's features, about their channel
        means over all pictures, that the student predicts; ``r2_expanded``: the same for the expanded
        features; ``style_rank_correlation``: Spearman's, of the relative style losses between all
        pairs of pictures.
    """
    tallies = {key: Tally() for layer in REPORTED_LAYERS for key in (layer, f"{layer}+")}
    grams: list[list[dict[str, Any]]] = [[], []]
    for picture in pictures:
        found = _predictions(student, picture[None])
        truth = _truths(teacher, picture[None])
        for key, target in truth.items():
            tallies[key].add(to_host(found[key]), to_host(target))
        for kept, features in zip(grams, (found, truth), strict=True):
            kept.append({k: gram_matrix(features[f"{k}+"]) for k in STYLE_LAYERS})
    r2 = {key: round(tally.r2, 4) for key, tally in tallies.items() if tally.count}
    distances = [_distances(kept) for kept in grams]
    return {
        "pictures": len(pictures),
        "r2": {layer: r2[layer] for layer in REPORTED_LAYERS},
        "r2_expanded": {layer: r2[f"{layer}+"] for layer in STYLE_LAYERS},
        "style_rank_correlation": round(float(spearmanr(*distances).statistic), 4),
    }


def _predictions(student: FeatureNetwork, picture: Array) -> dict[str, Any]:
    features = student.features(ops.convert_to_tensor(picture), REPORTED_LAYERS)
    heads = {k: apply_head(v, student.weights, f"head{k[4:]}") for k, v in features.items()}
    return heads | {f"{k}+": student.expanded(k, features[k]) for k in STYLE_LAYERS}


def _truths(teacher: FeatureNetwork, picture: Array) -> dict[str, Any]:
    features = teacher.features(ops.convert_to_tensor(picture), REPORTED_LAYERS)
    return features | {f"{k}+": teacher.expanded(k, features[k]) for k in STYLE_LAYERS}


def _distances(grams: Sequence[Mapping[str, Any]]) -> list[float]:
    return [
        float(sum(float(relative_style_loss(a[k], b[k])) for k in STYLE_LAYERS))
        for i, a in enumerate(grams)
        for j, b in enumerate(grams)
        if i != j
    ]
