"""The one-pass network: photo and style code in, pastiche out, for any style and any strength.

It runs in three parts, so that a huge picture can be painted in strips:

- `PasticheNetwork.encode`: pixels to features at 1/2 and 1/4 of the size; local, `ENCODE_HALO`;
- `PasticheNetwork.paint`: the middle, at 1/4 and 1/8, with statistics over the whole picture;
- `PasticheNetwork.decode`: features at 1/4 to pixels; local, `DECODE_HALO`.

A style is known by its code: channel means and log deviations of a feature network's style layers. A
small multilayer perceptron turns code and strength into the scale and shift of every normalised
layer. Sides are multiples of `STRIDE` inside; `PasticheNetwork.__call__` pads and crops.

Reference: Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
Normalization" (ICCV 2017), equation 8; Dumoulin, Shlens and Kudlur, "A Learned Representation for
Artistic Style" (ICLR 2017), section 2.2; Ghiasi et al., "Exploring the structure of a real-time,
arbitrary neural artistic stylization network" (BMVC 2017), for a network that predicts modulations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from keras import ops

from impasto.errors import ImageError, SettingError, WeightsError
from impasto.feature_network import STYLE_LAYERS, FeatureNetwork, pad_by_reflection
from impasto.gradients import add_bias, to_host
from impasto.weight_formats import digest
from impasto.weights import write_whole

Tensor = Any
Arrays = dict[str, np.ndarray]

HALF, QUARTER, EIGHTH = 32, 48, 96
"""Channels at 1/2, 1/4 and 1/8 of the picture's size."""
BLOCKS = 5
HIDDEN = (240, 152)
"""Widths of the perceptron's two hidden layers; the second is what blends of styles mix."""

STRIDE = 8
"""Sides inside the network are multiples of this."""
ENCODE_HALO = 4
"""Pixels around a strip on which its features at 1/4 depend (its origin on a multiple of 4)."""
DECODE_HALO = 2
"""Positions at 1/4 (and twice as many at 1/2) around a strip on which its pixels depend."""
MINIMUM_SIDE = 32
CODE_LIMIT = 4.0
"""Whitened codes are held within this many standard deviations: odd styles stay paintable."""
STRENGTH_FEATURES = 4
EPSILON = 1e-4


def _modulation_widths() -> dict[str, int]:
    """Return the size of each modulation in the order in which the perceptron returns them."""
    widths = {"eighth": 2 * EIGHTH}
    for block in range(1, BLOCKS + 1):
        widths |= {f"block{block}_1": 2 * EIGHTH, f"block{block}_2": 2 * EIGHTH}
    widths |= {"up_quarter": 2 * QUARTER, "skip_quarter": QUARTER}
    return widths | {"up_half": 2 * HALF, "skip_half": HALF, "photo": 3, "shift": 3}


MODULATIONS = _modulation_widths()


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """A photo's features: ``half`` (batch, h / 2, w / 2, 32) and ``quarter`` (batch, h / 4, w / 4, 48)."""

    half: Tensor
    quarter: Tensor


@dataclass(frozen=True, kw_only=True)
class PasticheNetwork:
    """A network that repaints any photo in any style in one pass.

    Attributes:
        name: of the network or its file.
        weights: as of `new_pastiche_network`, as tensors or variables.
        dtype: of the features, ``float32`` or ``bfloat16``; statistics, modulations and pixels are
            float32 always.
        sha256: of the weights file, for recipes.
    """

    name: str
    weights: Mapping[str, Tensor]
    dtype: str = "float32"
    sha256: str = ""

    def __call__(self, photo: Tensor, hidden: Tensor, strength: Tensor) -> Tensor:
        """Return the pastiche of a photo, not yet clipped.

        Args:
            photo: float32 (batch, height, width, 3), sRGB in [0, 1], sides of at least 32 px.
            hidden: float32 (batch, 152), of `embed`, or a weighted mean of several.
            strength: float32 (batch,), in [0, 1].

        Returns:
            float32 (batch, height, width, 3); mostly in [0, 1], to be clipped when shown.

        Raises:
            ImageError: a side is shorter than 32 px.
        """
        height, width = photo.shape[1:3]
        padded = pad_to_stride(photo)
        modulation = self.modulate(hidden)
        encoding = self.encode(padded)
        painted = self.paint(encoding.quarter, modulation)
        pastiche = self.decode(painted, encoding.half, padded, modulation)
        return mix_by_strength(photo, pastiche[:, :height, :width], strength)

    def embed(self, code: Tensor, strength: Tensor) -> Tensor:
        """Return what the perceptron makes of styles: (batch, 152), which blends linearly.

        Args:
            code: float32 (batch, code size), of `style_code`.
            strength: float32 (batch,), in [0, 1].
        """
        weights = self.weights
        white = (code - weights["code/mean"]) / weights["code/deviation"]
        x = ops.matmul(ops.clip(white, -CODE_LIMIT, CODE_LIMIT), weights["dense_code/kernel"])
        x = x + ops.matmul(strength_features(strength), weights["dense_strength/kernel"])
        x = ops.silu(x + weights["dense_code/bias"])
        x = ops.matmul(x, weights["dense_hidden/kernel"]) + weights["dense_hidden/bias"]
        return ops.silu(x)

    def modulate(self, hidden: Tensor) -> dict[str, Tensor]:
        """Return every modulation, ``{name: float32 (batch, 1, 1, width)}``, from `embed`'s result."""
        flat = ops.matmul(hidden, self.weights["dense_modulations/kernel"])
        flat = flat + self.weights["dense_modulations/bias"]
        found, first = {}, 0
        for name, width in MODULATIONS.items():
            found[name] = flat[:, None, None, first : first + width]
            first += width
        return found

    def encode(self, photo: Tensor) -> Encoding:
        """Return a photo's features at 1/2 and 1/4.

        Args:
            photo: float32 (batch, height, width, 3) in [0, 1], sides multiples of 8.
        """
        x = ops.cast(photo - 0.5, self.dtype)
        half = ops.relu(self._convolve(space_to_depth(x), "conv_half"))
        return Encoding(half=half, quarter=ops.relu(self._convolve(half, "conv_quarter", 2)))

    def paint(self, quarter: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        """Return the painted features at 1/4, (batch, h / 4, w / 4, 48), of a whole picture.

        Args:
            quarter: of `encode`, sides multiples of 2.
            modulation: of `modulate`.
        """
        x = self._convolve(quarter, "conv_eighth", 2)
        x = ops.relu(normalise(x, modulation["eighth"]))
        for block in range(1, BLOCKS + 1):
            y = self._convolve(x, f"conv_block{block}_1")
            y = ops.relu(normalise(y, modulation[f"block{block}_1"]))
            y = self._convolve(y, f"conv_block{block}_2")
            x = x + normalise(y, modulation[f"block{block}_2"])
        x = self._convolve(enlarge(x), "conv_up_quarter")
        gate = modulation["skip_quarter"]
        skip = normalise(quarter, ops.concatenate([gate - 1, ops.zeros_like(gate)], axis=-1))
        return ops.relu(normalise(x, modulation["up_quarter"]) + skip)

    def decode(
        self, painted: Tensor, half: Tensor, photo: Tensor, modulation: Mapping[str, Tensor]
    ) -> Tensor:
        """Return float32 pixels (batch, height, width, 3) from painted features.

        Args:
            painted: of `paint`, (batch, h / 4, w / 4, 48).
            half: of `encode`, (batch, h / 2, w / 2, 32).
            photo: the photo that was encoded, (batch, height, width, 3).
            modulation: of `modulate`.
        """
        x = self._convolve(enlarge(painted), "conv_up_half")
        scale, shift = ops.split(ops.cast(modulation["up_half"], x.dtype), 2, axis=-1)
        gate = ops.cast(modulation["skip_half"], x.dtype)
        x = ops.relu(x * (1 + scale) + shift + half * gate)
        x = smooth(depth_to_space(ops.cast(self._convolve(x, "conv_pixels"), "float32")))
        return x + 0.5 + modulation["shift"] + (photo - 0.5) * modulation["photo"]

    def with_cast_weights(self) -> PasticheNetwork:
        """Return the same network with its convolutions in its dtype, so that no call casts them."""
        weights = {
            name: ops.cast(value, self.dtype) if name.startswith("conv") else value
            for name, value in self.weights.items()
        }
        return replace(self, weights=weights)

    def _convolve(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel, bias = (ops.cast(self.weights[f"{name}/{part}"], self.dtype) for part in ("kernel", "bias"))
        x = ops.conv(pad_by_reflection(x), kernel, stride, "valid", data_format="channels_last")
        return add_bias(x, bias)


def style_code(network: FeatureNetwork, style: Tensor) -> Tensor:
    """Return the code of each style: channel means and log deviations of the style layers.

    Args:
        network: the feature network that the pastiche network was trained with.
        style: float32 (batch, height, width, 3), sRGB in [0, 1].

    Returns:
        float32 (batch, twice the sum of the widths of relu1_1 ... relu5_1).
    """
    return code_of_features(network.features(style, STYLE_LAYERS))


def code_of_features(features: Mapping[str, Tensor]) -> Tensor:
    """Return the style code from feature maps of at least the style layers; see `style_code`."""
    parts = []
    for layer in STYLE_LAYERS:
        mean, variance = statistics(features[layer])
        parts += [mean[:, 0, 0], 0.5 * ops.log(variance[:, 0, 0] + EPSILON)]
    return ops.concatenate(parts, axis=-1)


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return each channel's mean and variance over positions, float32 (batch, 1, 1, channels)."""
    x = ops.cast(x, "float32")
    mean = ops.mean(x, axis=(1, 2), keepdims=True)
    return mean, ops.mean(ops.square(x - mean), axis=(1, 2), keepdims=True)


def normalise(x: Tensor, modulation: Tensor) -> Tensor:
    """Return (1 + scale) (x - mean) / deviation + shift, statistics per picture and channel.

    Args:
        x: (batch, height, width, channels).
        modulation: float32 (batch, 1, 1, 2 channels): scales, then shifts.
    """
    mean, variance = statistics(x)
    scale, shift = ops.split(modulation, 2, axis=-1)
    factor = (1 + scale) * ops.rsqrt(variance + EPSILON)
    return x * ops.cast(factor, x.dtype) + ops.cast(shift - mean * factor, x.dtype)


def strength_features(strength: Tensor) -> Tensor:
    """Return (batch, 4): the strength, its square, the style's share in the loss and its square."""
    share = style_share(strength)
    return ops.stack([strength - 0.5, strength**2, share - 0.5, share**2], axis=-1)


def style_share(strength: Tensor) -> Tensor:
    """Return the style's share of the loss's weight at a strength: 36 s^2 / ((1 - s)^2 + 36 s^2)."""
    style = 36.0 * strength**2
    return style / ((1 - strength) ** 2 + style)


def mix_by_strength(photo: Tensor, pastiche: Tensor, strength: Tensor) -> Tensor:
    """Return the photo at strength 0 and, from about 0.3 on, the pastiche; see `style_share`."""
    share = style_share(strength)[:, None, None, None]
    return photo + share * (pastiche - photo)


def space_to_depth(x: Tensor) -> Tensor:
    """Return (batch, h / 2, w / 2, 4 c): each 2 x 2 pixels as one position."""
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height // 2, width // 2, 4 * channels))


def depth_to_space(x: Tensor) -> Tensor:
    """Return (batch, 2 h, 2 w, c / 4), the inverse of `space_to_depth`."""
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height, width, 2, 2, channels // 4))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, channels // 4))


def smooth(pixels: Tensor) -> Tensor:
    """Return pixels (batch, h, w, 3) smoothed by 1-2-1 in both directions.

    It takes away nothing but what repeats every two pixels (coarser detail can be made stronger
    before it): the grid that `depth_to_space` would leave otherwise.
    """
    row = np.array([0.25, 0.5, 0.25])
    kernel = (row[:, None] * row)[:, :, None, None] * np.eye(3)
    kernel = ops.convert_to_tensor(kernel.astype(np.float32))
    return ops.conv(pad_by_reflection(pixels), kernel, 1, "valid", data_format="channels_last")


def enlarge(x: Tensor) -> Tensor:
    """Return (batch, 2 h, 2 w, c): every position repeated twice in both directions."""
    _, height, width, channels = x.shape
    x = ops.concatenate([x, x], axis=-1)
    x = ops.reshape(x, (-1, height, 1, 2 * width, channels))
    x = ops.concatenate([x, x], axis=2)
    return ops.reshape(x, (-1, 2 * height, 2 * width, channels))


def pad_to_stride(photo: Tensor) -> Tensor:
    """Return the photo mirrored at the right and the bottom to multiples of 8.

    Raises:
        ImageError: a side is shorter than 32 px.
    """
    height, width = photo.shape[1:3]
    if min(height, width) < MINIMUM_SIDE:
        raise ImageError(
            f"one-pass painting needs sides of at least {MINIMUM_SIDE} px, not {width} x {height}"
        )
    down, right = -height % STRIDE, -width % STRIDE
    if not down and not right:
        return photo
    return ops.pad(photo, ((0, 0), (0, down), (0, right), (0, 0)), mode="reflect")


def new_pastiche_network(seed: int, code_size: int) -> Arrays:
    """Return random weights: He et al. 2015 initialisation, modulations near the identity.

    Args:
        seed: of the random numbers.
        code_size: of the style code, twice the sum of the feature network's style widths.

    Returns:
        ``conv_*/kernel`` (3, 3, in, out), ``dense_*/kernel`` (in, out) and their biases, and the
        whitening ``code/mean`` and ``code/deviation`` (code_size,), here 0 and 1.
    """
    if code_size < 1:
        raise SettingError(f"code_size must be at least 1, not {code_size}")
    rng = np.random.default_rng(seed)
    shapes = {"half": (12, HALF), "quarter": (HALF, QUARTER), "eighth": (QUARTER, EIGHTH)}
    for block in range(1, BLOCKS + 1):
        shapes |= {f"block{block}_1": (EIGHTH, EIGHTH), f"block{block}_2": (EIGHTH, EIGHTH)}
    shapes |= {"up_quarter": (EIGHTH, QUARTER), "up_half": (QUARTER, HALF), "pixels": (HALF, 12)}
    weights: Arrays = {"code/mean": np.zeros(code_size), "code/deviation": np.ones(code_size)}
    for name, (inputs, outputs) in shapes.items():
        gain = 0.1 if name == "pixels" else 1.0
        deviation = gain * np.sqrt(2 / 9 / inputs)
        weights[f"conv_{name}/kernel"] = rng.normal(0, deviation, (3, 3, inputs, outputs))
        weights[f"conv_{name}/bias"] = np.zeros(outputs)
    total = sum(MODULATIONS.values())
    dense = {"code": (code_size, HIDDEN[0]), "hidden": HIDDEN, "modulations": (HIDDEN[1], total)}
    for name, (inputs, outputs) in dense.items():
        deviation = np.sqrt((0.1 if name == "modulations" else 1.5) / inputs)
        weights[f"dense_{name}/kernel"] = rng.normal(0, deviation, (inputs, outputs))
        weights[f"dense_{name}/bias"] = np.zeros(outputs)
    weights["dense_strength/kernel"] = rng.normal(0, 0.7, (STRENGTH_FEATURES, HIDDEN[0]))
    first = 0
    for name, width in MODULATIONS.items():
        start = {"skip_quarter": 1.0, "skip_half": 0.5, "photo": 0.5}.get(name, 0.0)
        weights["dense_modulations/bias"][first : first + width] = start
        first += width
    return {name: value.astype(np.float32) for name, value in weights.items()}


def write_pastiche_network(path: Path, weights: Mapping[str, Tensor], meta: Mapping[str, str]) -> str:
    """Write weights as .npz, kernels in float16, all of it or nothing, and return the file's sha256.

    Args:
        path: the .npz to write; its folder is made.
        weights: as of `new_pastiche_network`.
        meta: words to keep, such as name and the feature network's sha256.

    Raises:
        OutputError: the file cannot be written there.
    """
    arrays = {
        name: to_host(value).astype("float16" if name.endswith("/kernel") else "float32")
        for name, value in weights.items()
    }
    words = np.frombuffer(json.dumps(dict(meta), sort_keys=True).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, meta=words, **arrays))
    return digest(path)


def read_pastiche_network(path: Path, dtype: str = "float32") -> tuple[PasticheNetwork, dict[str, str]]:
    """Read what `write_pastiche_network` wrote: the network and its words.

    Args:
        path: the .npz.
        dtype: of the features, ``float32`` or ``bfloat16``.

    Raises:
        WeightsError: the file is missing, damaged or of another network.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name].astype(np.float32) for name in file.files if name != "meta"}
            meta = json.loads(file["meta"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError(f"{path} is not a whole file of one-pass weights; install it again") from error
    mean = arrays.get("code/mean", np.zeros(1))
    wanted = {name: value.shape for name, value in new_pastiche_network(0, mean.size).items()}
    if {name: value.shape for name, value in arrays.items()} != wanted:
        raise WeightsError(f"{path} holds other arrays than the one-pass network has; install it again")
    if not all(np.isfinite(value).all() for value in arrays.values()):
        raise WeightsError(f"{path} holds values that are not finite; install it again")
    weights = {name: ops.convert_to_tensor(value) for name, value in arrays.items()}
    network = PasticheNetwork(name=Path(path).stem, weights=weights, dtype=dtype, sha256=digest(path))
    return network, meta
