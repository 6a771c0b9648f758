"""The one-pass network as Keras models that Keras' exporters take: a style encoder and a painter.

They are `OnePassNetwork` itself, which needs no size in advance, with its weights as the models' variables;
`formats` compares the two. A style's moments of a layer travel as one matrix, the
covariance with the mean as its last row, float32 (batch, c + 1, c), so that styles blend as such matrices do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.painter import WEAKEST
from impasto.onepass.transfer import (
    STATISTICS_LAYERS,
    Moments,
    amount_at,
    iterated_transfer_maps,
    moments_of,
    positions_of,
    transfer_maps,
)

Array = NDArray[np.float32]
ENCODING = ("preprocess", "conv1", "conv2", "conv3", "conv4_1")
"""How the names of the weights that reach relu4_1 begin."""


class PortableEncoder(keras.Model):  # type: ignore[misc]
    """The style encoder: ``style`` (batch, height, width, 3) in, moments by layer out."""

    def __init__(self, network: OnePassNetwork) -> None:
        super().__init__(dtype="float32")
        self.network = _copied(self, network)
        self.built = True

    def call(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the moments at each of `STATISTICS_LAYERS`, float32 (batch, c + 1, c)."""
        moments = moments_of(self.network.encode(x["style"]))
        return {k: ops.concatenate([square, mean[:, None]], axis=1) for k, (mean, square) in moments.items()}


class PortablePainter(keras.Model):  # type: ignore[misc]
    """The painter: a dictionary in, ``pastiche`` in [0, 1] out.

    Args:
        network: of any style or of one.
        statistics: the one style's moments, as `rows_of` gives them; None if they are inputs.
        iterative: whether the maps are found without eigenvalues, which LiteRT has not.
    """

    def __init__(
        self, network: OnePassNetwork, statistics: Mapping[str, Array] | None = None, iterative: bool = False
    ) -> None:
        super().__init__(dtype="float32")
        self.network = _copied(self, network)
        self.iterative = iterative
        self.statistics = statistics and {
            k: ops.convert_to_tensor(value[None]) for k, value in statistics.items()
        }
        self.built = True

    def call(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the pastiches of photos.

        Args:
            x: ``photo`` (batch, height, width, 3), ``strength`` (batch,) in [0, 1] and, unless there is
                one style, the moments by layer.
        """
        photo, strength, statistics = x["photo"], x["strength"], self.statistics or x
        features = self.network.encode(photo)
        photo_moments, style_moments = (
            moments_of(features),
            {k: (statistics[k][:, -1], statistics[k][:, :-1]) for k in STATISTICS_LAYERS},
        )
        if self.iterative:
            positions = {k: positions_of(features[k]) for k in STATISTICS_LAYERS}
            maps = iterated_transfer_maps(photo_moments, style_moments, positions)
        else:
            maps = transfer_maps(photo_moments, style_moments)
        painted = self.network.paint(features, maps, amount_at(strength))
        shown = ops.minimum(1.0, strength / WEAKEST)[:, None, None, None]
        return {"pastiche": ops.clip(photo + shown * (painted - photo), 0, 1)}


def rows_of(statistics: Moments) -> dict[str, Array]:
    """Return a style's moments as the painter takes them, by layer float32 (c + 1, c)."""
    return {k: np.vstack([to_host(square)[0], to_host(mean)]) for k, (mean, square) in statistics.items()}


def _copied(model: keras.Model, network: OnePassNetwork) -> OnePassNetwork:
    """Return the network in float32, its weights variables of a model, as Keras' exporters want them."""

    def variables(weights: Mapping[str, Tensor]) -> dict[str, keras.Variable]:
        copies = {}
        for name, value in weights.items():
            array = to_host(ops.cast(value, "float32"))
            words = {"name": name.replace("/", "_"), "shape": array.shape, "trainable": False}
            copies[name] = model.add_weight(
                **words, initializer=lambda *_, array=array, **__: ops.convert_to_tensor(array)
            )
        return copies

    encoder: FeatureNetwork = network.encoder
    used = {k: v for k, v in encoder.weights.items() if k.startswith(ENCODING)}
    encoder = replace(encoder, weights=variables(used), dtype="float32")
    return replace(network, encoder=encoder, weights=variables(network.weights), folds=False)
