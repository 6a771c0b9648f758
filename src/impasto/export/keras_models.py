"""The one-pass network as Keras models that Keras' exporters take: a style encoder and a painter.

They compute what `PasticheNetwork` and `feedforward.OnePass` compute of one style, by operations that need
no size in advance; `export` compares the two. A style's moments of a layer travel as one matrix, the
covariance with the mean as its last row, float32 (batch, c + 1, c), so that styles blend as such matrices do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.convolution import pad_by_reflection
from impasto.engine.gradients import to_host
from impasto.networks.feature_network import FeatureNetwork, Tensor
from impasto.onepass.network import BLOCKS, PasticheNetwork, Told
from impasto.onepass.painter import WEAKEST
from impasto.onepass.transfer import (
    CODE_LAYERS,
    REACH,
    Moments,
    amount_at,
    iterated_transfer_maps,
    transfer_maps,
)

Array = NDArray[np.float32]
ENCODING = ("preprocess", "conv1", "conv2", "conv3", "conv4_1")
"""How the names of the weights that reach relu4_1 begin."""


class PortableEncoder(keras.Model):  # type: ignore[misc]
    """The style encoder: ``style`` (batch, height, width, 3) in, moments by layer out."""

    def __init__(self, network: PasticheNetwork) -> None:
        super().__init__(dtype="float32")
        self.network = _copied(self, network)
        self.built = True

    def call(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each code layer's moments, float32 (batch, c + 1, c)."""
        found = {}
        for layer, features in self.network.encode(x["style"]).items():
            _, mean, covariance = moments(features)
            found[layer] = ops.concatenate([covariance, mean], axis=1)
        return found


class PortablePainter(keras.Model):  # type: ignore[misc]
    """The painter: a dictionary in, ``pastiche`` in [0, 1] out.

    Args:
        network: of any style or of one.
        code: the one style's moments, as `rows_of` gives them; None if they are inputs.
        iterative: whether the maps are found without eigenvalues, which LiteRT has not.
    """

    def __init__(
        self, network: PasticheNetwork, code: Mapping[str, Array] | None = None, iterative: bool = False
    ) -> None:
        super().__init__(dtype="float32")
        self.network = _copied(self, network)
        self.iterative = iterative
        self.code = code and {k: ops.convert_to_tensor(value[None]) for k, value in code.items()}
        self.built = True

    def call(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the pastiches of photos.

        Args:
            x: ``photo`` (batch, height, width, 3), ``strength`` (batch,) in [0, 1] and, unless there is
                one style, the moments by layer.
        """
        photo, strength, code = x["photo"], x["strength"], self.code or x
        features = self.network.encode(photo)
        seen, style, positions = {}, {}, {}
        for layer in CODE_LAYERS:
            height, width = ops.shape(features[layer])[1:3]
            positions[layer] = height * width
            _, mean, covariance = moments(features[layer])
            seen[layer] = mean[:, 0], covariance
            style[layer] = code[layer][:, -1], code[layer][:, :-1]
        share = amount_at(strength)[:, None, None]
        mixed = {}
        maps = (
            iterated_transfer_maps(seen, style, positions) if self.iterative else transfer_maps(seen, style)
        )
        photo_code, style_code = maps["code"]
        told = self.network.told(photo_code + REACH["code"] * share[:, 0] * (style_code - photo_code))
        for layer in CODE_LAYERS:
            matrix, offset = maps[layer]
            reached = REACH[layer] * share
            matrix = reached * matrix + (1 - reached) * ops.eye(matrix.shape[-1], dtype="float32")
            flat = ops.matmul(as_rows(features[layer]), matrix) + reached * offset[:, None]
            mixed[layer] = ops.reshape(flat, ops.shape(features[layer]))
        shown = ops.minimum(1.0, strength / WEAKEST)[:, None, None, None]
        return {"pastiche": ops.clip(photo + shown * (self._decode(mixed, told) - photo), 0, 1)}

    def _decode(self, features: Mapping[str, Tensor], told: Told) -> Tensor:
        scaled = {k: v * self.network.weights[f"scale/{k}"] for k, v in features.items()}
        x = scaled["relu4_1"]
        for size, layer in (("eighth", "relu4_1"), ("quarter", "relu3_1"), ("half", "relu2_1")):
            if size != "eighth":
                skip = self._convolve(scaled[layer], f"skip_{size}")
                x = ops.relu(fit_to(self._convolve(interleave([x] * 4), f"up_{size}"), skip) + skip)
            x = ops.relu(self._convolve(x, size, told))
            for block in BLOCKS[size]:
                y = ops.relu(self._convolve(x, f"{block}_1", told))
                x = x + self._convolve(y, f"{block}_2")
        x = interleave(ops.split(self._convolve(x, "pixels"), 4, axis=-1))
        edges = self._convolve(scaled["relu1_1"], "edges")
        return fit_to(smooth(x), edges) + edges + 0.5

    def _convolve(self, x: Tensor, name: str, told: Told | None = None) -> Tensor:
        kernel, bias = (self.network.weights[f"{name}/{part}"] for part in ("kernel", "bias"))
        x = ops.conv(pad_by_reflection(x), kernel, 1, "valid", data_format="channels_last") + bias
        if told is None:
            return x
        gain, shift = (value[:, None, None] for value in told[name])
        return x * (1 + gain) + shift


def rows_of(code: Moments) -> dict[str, Array]:
    """Return a style's moments as the painter takes them, by layer float32 (c + 1, c)."""
    return {k: np.vstack([to_host(square)[0], to_host(mean)]) for k, (mean, square) in code.items()}


def moments(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return features less their mean (batch, positions, c), mean (batch, 1, c) and covariance."""
    flat = as_rows(features)
    mean = ops.mean(flat, axis=1, keepdims=True)
    flat = flat - mean
    products = ops.matmul(ops.transpose(flat, (0, 2, 1)), flat)
    return flat, mean, products / ops.cast(ops.shape(flat)[1], "float32")


def as_rows(features: Tensor) -> Tensor:
    """Return (batch, h, w, c) as (batch, h w, c)."""
    batch, height, width, channels = ops.shape(features)
    return ops.reshape(features, (batch, height * width, channels))


def fit_to(x: Tensor, like: Tensor) -> Tensor:
    """Return `rearrangements.fit_to`: the last row and column repeated where pooling dropped one."""
    height, width = ops.shape(like)[1:3]
    return ops.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="symmetric")[:, :height, :width]


def interleave(quarters: list[Tensor]) -> Tensor:
    """Return (batch, 2 h, 2 w, c) from four (batch, h, w, c): the pixels of each 2 x 2 in turn."""
    _, height, width, channels = ops.shape(quarters[0])
    rows = [
        ops.reshape(ops.stack(pair, axis=3), (-1, height, 2 * width, channels))
        for pair in (quarters[:2], quarters[2:])
    ]
    return ops.reshape(ops.stack(rows, axis=2), (-1, 2 * height, 2 * width, channels))


def smooth(pixels: Tensor) -> Tensor:
    """Return pixels (batch, h, w, 3) smoothed by 1-2-1 in both directions, as `smoothed_pixels` does."""
    x = pad_by_reflection(pixels)
    x = (x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]) / 4
    return (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4


def _copied(model: keras.Model, network: PasticheNetwork) -> PasticheNetwork:
    """Return the network in float32, its weights variables of a model, as Keras' exporters want them."""

    def variables(weights: Mapping[str, Tensor]) -> dict[str, keras.Variable]:
        found = {}
        for name, value in weights.items():
            array = to_host(ops.cast(value, "float32"))
            words = {"name": name.replace("/", "_"), "shape": array.shape, "trainable": False}
            found[name] = model.add_weight(
                **words, initializer=lambda *_, array=array, **__: ops.convert_to_tensor(array)
            )
        return found

    encoder: FeatureNetwork = network.encoder
    used = {k: v for k, v in encoder.weights.items() if k.startswith(ENCODING)}
    encoder = replace(encoder, weights=variables(used), dtype="float32")
    return replace(network, encoder=encoder, weights=variables(network.weights))
