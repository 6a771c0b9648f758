"""A style network in training: how long and on what, its judge and its loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.errors import SettingError
from impasto.layers import CONTENT_LAYER, STYLE_LAYERS
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.transfer import STATISTICS_LAYERS, Maps, Moments, amount_at, moments_of, transfer_maps
from impasto.settings import Settings
from impasto.training.losses import (
    PALETTE_WEIGHT,
    STEADY_WEIGHT,
    TERMS,
    at_strengths,
    beyond_range,
    gram_matrices,
    palette_losses,
    relative_content_losses,
    relative_style_losses,
    unsteadiness,
)
from impasto.training.trainer import Trainer

Array = NDArray[np.float32]

RANGE_WEIGHT = 50.0


@dataclass(frozen=True, kw_only=True)
class StyleSettings:
    """How long and on what a style is trained.

    Attributes:
        steps: training steps, at most.
        minutes: of training, at most; None for as long as the steps take.
        crop: side of the crops in pixels, a multiple of 16.
        batch: crops per step.
        learning_rate: Adam's, at its highest.
        style_weight: style weight over content weight at strength 0.5; less than the optimization's 36, with
            which a single pass loses more of the photo than its style gains.
        style_size: long side in pixels to which the painting is reduced; its strokes are learned as
            large as they are there.
        seed: of everything random.
    """

    steps: int = 9000
    minutes: float | None = 40.0
    crop: int = 256
    batch: int = 2
    learning_rate: float = 1e-3
    style_weight: float = 24.0
    style_size: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.crop < 48 or self.crop % 16:
            raise SettingError("crop must be a multiple of 16 from 48 px up, not {crop}", crop=self.crop)
        for name, least in (("steps", 1), ("batch", 1), ("style_size", 64)):
            if getattr(self, name) < least:
                raise SettingError(
                    "{name} must be at least {least}, not {value}",
                    name=name,
                    least=least,
                    value=getattr(self, name),
                )
        if self.minutes is not None and not self.minutes > 0:
            raise SettingError("minutes must be above 0, not {minutes:g}", minutes=self.minutes)

    def done(self, step: int, seconds: float) -> float:
        """Return the share of the training that is done, in [0, 1]."""
        spent = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(step / self.steps, spent))


class StyleTrainer(Trainer):
    """A style network in training, its judge and its loss.

    Args:
        start: the any-style network; all of its weights are trained but the scales, and its feature network
            encodes, in its dtype.
        judge: the feature network that makes the losses; its dtype is used.
        painting: float32 (height, width, 3), in [0, 1].
        style_weight: style weight over content weight at strength 0.5.
        weights: what is trained instead of the network's, by subclasses.
    """

    def __init__(
        self,
        start: OnePassNetwork,
        judge: FeatureNetwork,
        painting: Array,
        style_weight: float,
        weights: Mapping[str, Array] | None = None,
    ) -> None:
        weights = weights or {k: to_host(ops.cast(value, "float32")) for k, value in start.weights.items()}
        super().__init__(weights, "scale/", (*TERMS, "palette", "unsteady"))
        self.encoder, self.judge = start.encoder.with_cast_weights(), judge.with_cast_weights()
        self.style_weight = style_weight
        self.layer_weights = {k: w for k, w in Settings().style_layer_weights.items() if w}
        self.painting = picture = ops.convert_to_tensor(painting[None])
        features = self.judge.features(picture, self.layer_weights)
        self.targets = {k: gram_matrices(self.judge, k, features[k]) for k in self.layer_weights}
        self.statistics = moments_of(self.encoder.features(picture, STATISTICS_LAYERS))

    @property
    def network(self) -> OnePassNetwork:
        """The network in training; its weights are variables."""
        return OnePassNetwork(name="style", encoder=self.encoder, weights={**self.fixed, **self.trained})

    def call(self, x: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the pastiches of the photos and of the moved photos, with the same maps, not clipped."""
        network = self.network
        photo, moved = (
            {k: ops.stop_gradient(v) for k, v in network.encode(x[name]).items()}
            for name in ("photo", "moved")
        )
        maps, amount = self.maps_for(photo), amount_at(x["strength"])
        return network.paint(photo, maps, amount), network.paint(moved, maps, amount)

    def paint(self, network: OnePassNetwork, photo: Tensor, strength: Tensor) -> Tensor:
        """Return a network's pastiches in the painting's style, not clipped.

        Args:
            network: this one's or another.
            photo: float32 (batch, height, width, 3), in [0, 1].
            strength: float32 (batch,), in [0, 1].
        """
        features = network.encode(photo)
        return network.paint(features, self.maps_for(features), amount_at(strength))

    def maps_for(self, features: Mapping[str, Tensor]) -> Maps:
        """Return the maps of photos' features to the painting's moments."""
        photo = moments_of(features)
        maps = transfer_maps(photo, for_each(self.statistics, photo))
        return {k: (ops.stop_gradient(m), ops.stop_gradient(o)) for k, (m, o) in maps.items()}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]
        """Return the mean over the photos of the objective at each one's strength."""
        pastiche, moved = y_pred
        content, style = self.losses_of(x["photo"], pastiche)
        painting = ops.image.resize(self.painting, pastiche.shape[1:3], data_format="channels_last")
        palette = palette_losses(pastiche, ops.repeat(painting, pastiche.shape[0], axis=0))
        unsteady = unsteadiness(pastiche, moved, x["shift"])
        wanted = style + PALETTE_WEIGHT * palette
        loss = at_strengths(content, wanted, x["strength"], self.style_weight)
        loss = loss + RANGE_WEIGHT * ops.mean(beyond_range(pastiche)) + STEADY_WEIGHT * ops.mean(unsteady)
        variation = ops.mean(ops.square(pastiche[:, 1:] - pastiche[:, :-1]))
        self.tell(loss, ops.mean(content), ops.mean(style), variation, ops.mean(palette), ops.mean(unsteady))
        return loss

    def losses_of(self, photo: Tensor, pastiche: Tensor) -> tuple[Tensor, Tensor]:
        """Return each pastiche's content and style loss, float32 (batch,) each."""
        judge = self.judge
        target = judge.projected(CONTENT_LAYER, judge.features(photo, [CONTENT_LAYER])[CONTENT_LAYER])
        features = judge.features(pastiche, [*STYLE_LAYERS, CONTENT_LAYER])
        painted = judge.projected(CONTENT_LAYER, features[CONTENT_LAYER])
        content = relative_content_losses(painted, ops.stop_gradient(target))
        style = ops.zeros_like(content)
        for layer, weight in self.layer_weights.items():
            grams = gram_matrices(judge, layer, features[layer])
            style = style + weight * relative_style_losses(grams, self.targets[layer])
        return content, style


def for_each(style: Moments, photos: Moments) -> dict[str, tuple[Tensor, Tensor]]:
    """Return one style's moments as often as there are photos."""
    count = photos[STATISTICS_LAYERS[0]][0].shape[0]
    return {k: (ops.repeat(m, count, axis=0), ops.repeat(c, count, axis=0)) for k, (m, c) in style.items()}
