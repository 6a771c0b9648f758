"""VGG-shaped feature extractors: RGB pictures in, named feature maps out.

One builder serves every network of this shape: ``vgg19`` (the reference, true widths), ``compact``
(embedded, a quarter of the width) and the teachers that ``compact`` was trained from. This file owns
layer names, preprocessing, pooling and the treatment of the picture's borders; nobody else knows them.

Reference: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition" (ICLR 2015), configuration E; average pooling after Gatys, Ecker and Bethge (CVPR 2016),
section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keras import ops

from impasto.engine.convolution import add_bias, pad_by_reflection
from impasto.errors import SettingError, did_you_mean
from impasto.layers import CONVOLUTION_NAMES, LAYERS, check_layers
from impasto.networks.moments import moment_sums

Tensor = Any
POOLINGS = ("average", "max")
PADDINGS = ("reflect", "zero")
POOL_ROUNDINGS = ("floor", "ceil")


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureNetwork:
    """A VGG-shaped extractor: weights, and how its pictures, pools and borders are treated.

    Equal only to itself, so that it can be part of a workshop's keys.

    Attributes:
        name: ``vgg19``, ``compact`` or a file's name.
        weights: ``conv1_1/kernel`` (3, 3, in, out), ``conv1_1/bias`` (out,) and so on in VGG-19's
            order, as many layers as the file has; ``preprocess/kernel`` (1, 1, 3, 3) and
            ``preprocess/bias`` (3,), which take RGB in [0, 1] to the network's own input units; and,
            for distilled networks, ``expand1_1/kernel`` (1, 1, width, wide) and bias for style heads.
        pooling: ``average`` or ``max``.
        padding: ``reflect`` (mirror the picture at its borders) or ``zero`` (VGG-19's own).
        pool_rounding: of odd sides, ``floor`` (drop the last row) or ``ceil`` (pool what is there).
        dtype: of the features, ``float32`` or ``bfloat16``.
        sha256: of the weights file, for recipes.
        notes: sentences about what was found or put right when the file was read.
        kept_as: how the file stores the kernels, for recipes: ``exact``, ``8 bit`` or ``16 bit``.
    """

    name: str
    weights: Mapping[str, Tensor]
    pooling: str = "average"
    padding: str = "reflect"
    pool_rounding: str = "floor"
    dtype: str = "float32"
    sha256: str = ""
    notes: tuple[str, ...] = ()
    kept_as: str = ""

    def __post_init__(self) -> None:
        choices = (("pooling", POOLINGS), ("padding", PADDINGS), ("pool_rounding", POOL_ROUNDINGS))
        for field, allowed in choices:
            value = getattr(self, field)
            if value not in allowed:
                raise SettingError(
                    "{field} must be one of {allowed}, not {value!r}{hint}",
                    field=field,
                    allowed=", ".join(allowed),
                    value=value,
                    hint=did_you_mean(value, allowed),
                )

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the weights reach, in order."""
        return tuple(
            layer
            for layer, name in zip(LAYERS, CONVOLUTION_NAMES, strict=True)
            if f"{name}/kernel" in self.weights
        )

    def features(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the feature maps of the named layers.

        Args:
            image: float32 tensor (batch, height, width, 3), RGB in [0, 1]; values beyond are taken
                as they are. Sides of at least 16 px.
            layers: names out of ``relu1_1`` ... ``relu5_4``.

        Returns:
            ``{layer: tensor (batch, height / stride, width / stride, channels)}`` in the network's
            dtype, after the ReLU; stride is 1, 2, 4, 8, 16 in blocks 1 to 5, rounded down.

        Raises:
            SettingError: a layer's name is unknown.
            WeightsError: the weights do not reach a layer.
        """
        wanted = check_layers(layers, self.layers)
        weights = self.weights
        kernel = ops.reshape(weights["preprocess/kernel"], (3, 3))
        x = ops.matmul(image, kernel) + weights["preprocess/bias"]
        x = ops.cast(x, self.dtype)
        features: dict[str, Tensor] = {}
        for layer, name in zip(LAYERS, CONVOLUTION_NAMES, strict=True):
            if len(features) == len(wanted):
                break
            if layer.endswith("_1") and layer != "relu1_1":
                pool = ops.average_pool if self.pooling == "average" else ops.max_pool
                padding = "valid" if self.pool_rounding == "floor" else "same"
                x = pool(x, 2, 2, padding=padding, data_format="channels_last")
            x = self._convolve(x, weights[f"{name}/kernel"], weights[f"{name}/bias"])
            if layer in wanted:
                features[layer] = x
        return features

    def projected(self, layer: str, features: Tensor) -> Tensor:
        """Return a layer's features as losses compare them.

        A distilled network compares them through its learned head and a ReLU, where they approximate
        the features of normalized VGG-19; other networks compare them as they are.

        Args:
            layer: name out of ``relu1_1`` ... ``relu5_4``.
            features: (batch, height, width, channels) of that layer.
        """
        head = f"expand{layer[4:]}"
        if f"{head}/kernel" not in self.weights:
            return features
        return ops.relu(apply_head(features, self.weights, head))

    def has_metric(self, layer: str) -> bool:
        """Return whether a layer is compared through a linear map of its moments."""
        return f"metric{layer[4:]}/kernel" in self.weights

    def moment_sums(self, layer: str, features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the sums over positions from which `projected_moments` finds what a style layer compares.

        Of the projected features, if the layer has a head; of the raw ones otherwise.

        Args:
            layer: name out of ``relu1_1`` ... ``relu5_4``.
            features: (1, height, width, channels) of that layer.
            mask: float32 (height, width), how much each position counts; all count if None.

        Returns:
            float32 F'mF (channels, channels) and F'm (channels,).
        """
        return moment_sums(features if self.has_metric(layer) else self.projected(layer, features), mask)

    def projected_moments(self, layer: str, second: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Return the Gram matrix and the channel means by which a style layer is compared.

        Where the layer has a linear ``metric`` S = F K + b (the large early layers), those of S follow
        from the raw ones, K'GK + K'mb' + bm'K + bb' and K'm + b, at no cost per pixel.

        Args:
            layer: name out of ``relu1_1`` ... ``relu5_4``.
            second: first of `moment_sums`, divided by the number of positions; or a batch of them.
            first: the other one, divided by the same.
        """
        if not self.has_metric(layer):
            return second, first
        metric = f"metric{layer[4:]}"
        kernel = ops.cast(self.weights[f"{metric}/kernel"], "float32")
        kernel = ops.reshape(kernel, kernel.shape[-2:])
        bias = ops.cast(self.weights[f"{metric}/bias"], "float32")
        mean = ops.matmul(first, kernel)
        mixed = mean[..., :, None] * bias
        gram = ops.matmul(ops.transpose(kernel), ops.matmul(second, kernel))
        return gram + mixed + ops.swapaxes(mixed, -1, -2) + ops.outer(bias, bias), mean + bias

    def gram_matrix(self, layer: str, features: Tensor) -> Tensor:
        """Return the Gram matrix by which a style layer is compared, float32, divided by positions."""
        positions = features.shape[1] * features.shape[2]
        second, first = self.moment_sums(layer, features)
        return self.projected_moments(layer, second / positions, first / positions)[0]

    def with_cast_weights(self) -> FeatureNetwork:
        """Return the same network with its weights in its dtype, so that no iteration casts them."""
        weights = {
            name: ops.cast(value, self.dtype) if name.startswith(("conv", "expand")) else value
            for name, value in self.weights.items()
        }
        return replace(self, weights=weights)

    def mean_color(self) -> Tensor:
        """Return the RGB color, float32 (3,) in [0, 1], that is zero in the network's input units."""
        kernel = ops.reshape(self.weights["preprocess/kernel"], (3, 3))
        return ops.reshape(ops.solve(ops.transpose(kernel), -self.weights["preprocess/bias"][:, None]), (3,))

    def _convolve(self, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        padding = "same"
        if self.padding == "reflect":
            x = pad_by_reflection(x)
            padding = "valid"
        kernel = ops.cast(kernel, self.dtype)
        x = ops.conv(x, kernel, 1, padding, data_format="channels_last")
        return ops.relu(add_bias(x, ops.cast(bias, self.dtype)))


def apply_head(features: Tensor, weights: Mapping[str, Tensor], head: str) -> Tensor:
    """Return features (batch, h, w, width) taken through a 1 x 1 linear head, (batch, h, w, wide)."""
    kernel = ops.cast(weights[f"{head}/kernel"], features.dtype)
    kernel = ops.reshape(kernel, kernel.shape[-2:])
    flat = ops.matmul(ops.reshape(features, (-1, kernel.shape[0])), kernel)
    flat = flat + ops.cast(weights[f"{head}/bias"], features.dtype)
    return ops.reshape(flat, (*ops.shape(features)[:-1], kernel.shape[1]))
