"""What the optimisation minimises: targets and weights, frozen; a picture in, named losses out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras import ops

from impasto.feature_network import FeatureNetwork
from impasto.losses import FORMULAS, Formulas, out_of_range
from impasto.settings import Settings

Tensor = Any

DEFAULT_STYLE_WEIGHT = 36.0
"""Style weight over content weight at strength 50, relative formulas."""
DEFAULT_TV_WEIGHT = 0.0
RANGE_WEIGHT = 50.0
"""Weight of the distance from [0, 1], relative to the sum of the other weights."""

TERMS = ("content", "style", "variation", "range")


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The weight of each named loss in the total."""

    content: float
    style: float
    variation: float
    range: float

    @classmethod
    def from_settings(cls, settings: Settings) -> LossWeights:
        """Return explicit weights where they are set, else those that strength stands for.

        At strength s in [0, 100] the content weight is (1 - s / 100)^2 and the style weight
        (s / 100)^2 times `DEFAULT_STYLE_WEIGHT`, so that 0 leaves the photo and 100 only the style.
        """
        share = settings.strength / 100
        content = _or(settings.content_weight, 4 * (1 - share) ** 2)
        style = _or(settings.style_weight, 4 * share**2 * DEFAULT_STYLE_WEIGHT)
        variation = _or(settings.tv_weight, DEFAULT_TV_WEIGHT * (content + style))
        relative = settings.formulas == "relative"
        return cls(
            content=content,
            style=style,
            variation=variation,
            range=RANGE_WEIGHT * (content + style) if relative else 0.0,
        )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The frozen objective of one scale.

    Attributes:
        network: the feature network.
        content_targets: content image's features by layer, each (1, h, w, channels).
        style_targets: style image's Gram matrices by layer, float32 (channels, channels).
        style_layer_weights: weight of each style layer within the style loss.
        weights: of the named losses.
        formulas: how each loss is computed.
    """

    network: FeatureNetwork
    content_targets: Mapping[str, Tensor]
    style_targets: Mapping[str, Tensor]
    style_layer_weights: Mapping[str, float]
    weights: LossWeights
    formulas: Formulas

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted total and the unweighted terms.

        Args:
            image: float32 (1, height, width, 3), sRGB in [0, 1].

        Returns:
            total: float32 scalar; terms: float32 (4,) in the order of `TERMS`.
        """
        formulas = self.formulas
        layers = {*self.content_targets, *self.style_targets}
        features = self.network.features(image, layers)
        content = ops.zeros(())
        for layer, target in self.content_targets.items():
            found = self.network.expanded(layer, features[layer])
            content = content + formulas.content(found, target)
        style = ops.zeros(())
        for layer, target in self.style_targets.items():
            gram = layer_gram(self.network, layer, features[layer], formulas)
            style = style + self.style_layer_weights[layer] * formulas.style(gram, target)
        terms = {
            "content": content / max(1, len(self.content_targets)),
            "style": style,
            "variation": formulas.variation(image),
            "range": out_of_range(image),
        }
        total = ops.zeros(())
        for name in TERMS:
            if weight := getattr(self.weights, name):
                total = total + weight * terms[name]
        return total, ops.stack([terms[name] for name in TERMS])


def layer_gram(network: FeatureNetwork, layer: str, features: Tensor, formulas: Formulas) -> Tensor:
    """Return a layer's Gram matrix as the formulas divide it: by positions, or by all elements."""
    gram = network.gram_matrix(layer, features)
    return gram / gram.shape[-1] if formulas.by_size else gram


def build_objective(network: FeatureNetwork, content: Tensor, style: Tensor, settings: Settings) -> Objective:
    """Compute the targets of a content and a style image and return the frozen objective.

    Args:
        network: the feature network.
        content: float32 (1, height, width, 3), sRGB in [0, 1].
        style: the same, of any size.
        settings: weights, layers and formulas.
    """
    network = network.with_cast_weights()
    formulas = FORMULAS[settings.formulas]
    layer_weights = {k: w for k, w in settings.style_layer_weights.items() if w}
    weights = LossWeights.from_settings(settings)
    style_targets = {}
    if weights.style:
        features = network.features(style, layer_weights)
        style_targets = {k: layer_gram(network, k, found, formulas) for k, found in features.items()}
    content_targets = {}
    if weights.content:
        features = network.features(content, settings.content_layers)
        content_targets = {layer: network.expanded(layer, found) for layer, found in features.items()}
    return Objective(
        network=network,
        content_targets=content_targets,
        style_targets=style_targets,
        style_layer_weights=layer_weights,
        weights=weights,
        formulas=formulas,
    )
