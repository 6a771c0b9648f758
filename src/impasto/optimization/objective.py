"""What the optimization minimizes: targets and weights, frozen; a picture in, named losses out.

An objective works in two halves. `measure` takes a picture to sums over its positions, `losses` takes the
sums to losses. A whole picture is measured at once; a picture too large for that in parts, whose sums
are added up (`tiling.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.losses import (
    ContentSums,
    Formulas,
    grain_positions,
    grain_sum,
    out_of_range_sum,
    squared_error,
)
from impasto.optimization.style_losses import StyleLoss, style_layer_weights
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
        down, right = (scale / self._visible_fraction for scale in self.formulas.variation_scale(self.shape))
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
        grain = ops.sqrt(sums["grain"] / (grain_positions(self.shape) * self._visible_fraction) + 1e-8)
        return ops.square(grain / self.grain - 1)

    @property
    def _visible_fraction(self) -> float:
        return float(self.visible["pixels"].mean()) + 1e-6 if self.visible else 1.0


def seen_content_layers(settings: Settings) -> Sequence[str]:
    """Return the layers at which a picture is compared with its content image; none if it weighs nothing."""
    return settings.content_layers if LossWeights.from_settings(settings).content else ()


def seen_layers(settings: Settings) -> tuple[str, ...]:
    """Return all layers that an objective looks at."""
    styled = LossWeights.from_settings(settings).style
    weights = style_layer_weights(settings.style_loss, settings.style_layer_weights) if styled else {}
    return (*seen_content_layers(settings), *weights)
