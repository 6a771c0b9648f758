"""The one-pass network: a photo's features, given the moments of a style's, taken back to pixels.

Four things happen, all but the first in one pass over the picture:

- the photo's moments: channel means and covariances of the feature network's relu1_1 to relu4_1;
- `transfer_maps`: the linear map of each layer that gives the photo's features the style's moments;
- the feature network encodes, the maps are applied, with a strength;
- `OnePassNetwork.decode`, the trained part, makes a picture of what no picture has as its features; its
  convolutions are modulated by the statistics that the picture is to have.

Moments are sums over positions, and everything else is local (`DECODER_REACH`): a huge picture is painted in
tiles, with the result of the whole. A style is its moments, of any picture, computed once.

Reference: Li et al., "Universal Style Transfer via Feature Transforms" (NIPS 2017), for encoding, mapping and
decoding; Lu et al., "A Closed-form Solution to Universal Style Transfer" (ICCV 2019), for the optimal
transport map; Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
Normalization" (ICCV 2017), and Dumoulin et al., "A Learned Representation for Artistic Style" (ICLR 2017),
for modulation; Johnson, Alahi and Fei-Fei (ECCV 2016) for the loss that the decoder is trained with.
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

from impasto.engine.convolution import add_bias, pad_by_reflection, pad_by_repetition
from impasto.engine.gradients import to_host
from impasto.errors import WeightsError
from impasto.files import digest, write_whole
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.rearrangements import fit_to, interleave, phase_kernels, smoothed_pixels
from impasto.onepass.transfer import EXTENT, STATISTICS_LAYERS, Maps, apply_map

Tensor = Any
Arrays = dict[str, np.ndarray]
Masks = Mapping[str, Tensor]
Change = tuple[Tensor, Tensor]
"""Of a picture's features: a matrix (c, c) or gains (c,), and offsets (c,), float32."""
Modulation = Mapping[str, Change]
"""By convolution: what its outputs are multiplied by, less 1, and shifted by, float32 (batch, c)."""
WIDTHS = {"eighth": 128, "quarter": 48, "half": 24}
"""Channels of the decoder at 1/8, 1/4 and 1/2 of the picture's size."""
BLOCKS = {
    size: tuple(f"{size}{i + 1}" for i in range(count))
    for size, count in (("eighth", 3), ("quarter", 2), ("half", 1))
}
"""Residual blocks at each size."""
MODULATED = {
    name: width for size, width in WIDTHS.items() for name in (size, *(f"{b}_1" for b in BLOCKS[size]))
}
"""Convolutions that the statistics modulate, and how many channels each has."""
HIDDEN_WIDTH = 96
"""Between the two layers, ``code_in`` and ``code_out``, that take statistics to modulations."""
DECODER_REACH = 96
"""Pixels around a position of the encoder's deepest layer on which the decoder's result depends."""
GAINS = {"pixels": 0.2, "edges": 0.2, "skip": 0.7, "up": 0.7}
"""Of the random weights, relative to He et al. (2015), by the beginning of their names."""
BLOCK_GAIN = 0.3
"""The same of the second convolutions of residual blocks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OnePassNetwork:
    """A network that repaints any photo in any style in one pass; equal only to itself.

    Attributes:
        name: of the network or its file.
        encoder: the feature network that it was trained with.
        weights: as of `new_onepass_network`.
        sha256: of the weights file, for recipes.
        fits: file of the built-in styles' moments that were fitted to it (`fitted_moments`), if there is one.
        folds: whether a single picture's maps and modulations go into the kernels, at no cost per pixel;
            graphs that are exported have constant kernels instead.
    """

    name: str
    encoder: FeatureNetwork
    weights: Mapping[str, Tensor]
    sha256: str = ""
    fits: Path | None = None
    folds: bool = True

    def encode(self, image: Tensor) -> dict[str, Tensor]:
        """Return the feature maps of `STATISTICS_LAYERS` of float32 (batch, height, width, 3) in [0, 1]."""
        return self.encoder.features(image, STATISTICS_LAYERS)

    def paint(
        self, features: Mapping[str, Tensor], maps: Maps, amount: Tensor, masks: Masks | None = None
    ) -> Tensor:
        """Return the pastiche of a photo, not yet clipped.

        Args:
            features: of `encode`.
            maps: of `transfer_maps`; for each picture, or with masks for each region of a single picture.
            amount: float32 (batch,): how far features go from the photo's (0) to the style's (1) or beyond.
            masks: by layer float32 (regions, h, w), which add up to 1 everywhere; no regions if None.

        Returns:
            float32 (batch, height, width, 3).
        """
        changes, statistics = changes_at(maps, amount)
        modulation = self.modulation_for(statistics)
        if self.folds and masks is None and statistics.shape[0] == 1:
            return self.decode(features, modulation, {k: (m[0], o[0]) for k, (m, o) in changes.items()})
        mixed = {}
        for layer, change in changes.items():
            moved = apply_map(features[layer], *change)
            if masks is not None:
                moved = ops.sum(moved * ops.cast(masks[layer][..., None], moved.dtype), axis=0, keepdims=True)
            mixed[layer] = moved
        return self.decode(mixed, modulation, masks=masks)

    def modulation_for(self, statistics: Tensor) -> Modulation:
        """Return the modulations of the decoder's convolutions for statistics as of `statistics_of`."""
        weights = {k: ops.cast(v, "float32") for k, v in self.weights.items() if k[:4] == "code"}
        statistics = self.scaled(statistics)
        hidden = ops.relu(ops.matmul(statistics, weights["code_in/kernel"]) + weights["code_in/bias"])
        row = ops.matmul(hidden, weights["code_out/kernel"]) + weights["code_out/bias"]
        modulation, first = {}, 0
        for name, width in MODULATED.items():
            middle, last = first + width, first + 2 * width
            modulation[name] = row[:, first:middle], row[:, middle:last]
            first = last
        return modulation

    def scaled(self, statistics: Tensor) -> Tensor:
        """Return statistics as of `statistics_of`, each channel's times its scale."""
        scales = [ops.cast(self.weights[f"scale/{layer}"], "float32") for layer in STATISTICS_LAYERS]
        return statistics * ops.concatenate([scale for scale in scales for _ in range(2)])

    def decode(
        self,
        features: Mapping[str, Tensor],
        modulation: Modulation,
        changes: Mapping[str, Change] | None = None,
        masks: Masks | None = None,
    ) -> Tensor:
        """Return float32 pixels (batch, height, width, 3) from features of `STATISTICS_LAYERS`.

        Args:
            features: transformed already, or those of a single picture.
            modulation: of `modulation_for`.
            changes: by layer the matrix (c, c) and the offset (c,) that transform the single picture's.
            masks: as of `paint`.
        """
        moved: dict[str, Change | None] = dict.fromkeys(STATISTICS_LAYERS)
        where: Mapping[str, Tensor | None] = masks or dict.fromkeys(STATISTICS_LAYERS)
        scales = {k: ops.cast(self.weights[f"scale/{k}"], "float32") for k in STATISTICS_LAYERS}
        if changes is None:
            features = {k: features[k] * ops.cast(scale, features[k].dtype) for k, scale in scales.items()}
        else:
            moved = {k: (changes[k][0] * scale, changes[k][1] * scale) for k, scale in scales.items()}
        x = features["relu4_1"]
        for size, layer in (("eighth", "relu4_1"), ("quarter", "relu3_1"), ("half", "relu2_1")):
            move = moved[layer]
            if size != "eighth":
                skip = self._convolve(features[layer], f"skip_{size}", move)
                x, move = ops.relu(fit_to(self._convolve_enlarged(x, f"up_{size}"), skip) + skip), None
            x = ops.relu(self._modulated(x, size, modulation, where[layer], move))
            for block in BLOCKS[size]:
                y = ops.relu(self._modulated(x, f"{block}_1", modulation, where[layer]))
                x = x + self._convolve(y, f"{block}_2")
        x = smoothed_pixels(ops.cast(self._convolve(x, "pixels"), "float32"))
        edges = self._convolve(features["relu1_1"], "edges", moved["relu1_1"])
        return fit_to(x, edges) + ops.cast(edges, "float32") + 0.5

    def _convolve(
        self, x: Tensor, name: str, move: Change | None = None, change: Change | None = None
    ) -> Tensor:
        """Return a convolution of x.

        Args:
            x: (batch, h, w, c).
            name: of the weights.
            move: a matrix (c, c) and an offset (c,) for x, to be applied before.
            change: gains, less 1, and shifts (outputs,), to be applied afterwards.
        """
        kernel, bias = (self.weights[f"{name}/{part}"] for part in ("kernel", "bias"))
        if move is not None or change is not None:
            kernel, bias = ops.cast(kernel, "float32"), ops.cast(bias, "float32")
        if move is not None:
            bias = bias + ops.einsum("i,abio->o", move[1], kernel)
            kernel = ops.einsum("ji,abio->abjo", move[0], kernel)
        if change is not None:
            kernel, bias = kernel * (1 + change[0]), bias * (1 + change[0]) + change[1]
        kernel, bias = ops.cast(kernel, x.dtype), ops.cast(bias, x.dtype)
        return add_bias(ops.conv(pad_by_reflection(x), kernel, 1, "valid", data_format="channels_last"), bias)

    def _modulated(
        self, x: Tensor, name: str, modulation: Modulation, mask: Tensor | None, move: Change | None = None
    ) -> Tensor:
        """Return a convolution of x, its outputs modulated for each picture or, masked, region."""
        gain, shift = modulation[name]
        if self.folds and mask is None and gain.shape[0] == 1:
            return self._convolve(x, name, move, (gain[0], shift[0]))
        gain, shift = ops.cast(gain, x.dtype), ops.cast(shift, x.dtype)
        if mask is not None:
            mask = ops.cast(ops.transpose(mask, (1, 2, 0)), x.dtype)
            gain, shift = (ops.matmul(mask, value)[None] for value in (gain, shift))
        else:
            gain, shift = gain[:, None, None], shift[:, None, None]
        return self._convolve(x, name, move) * (1 + gain) + shift

    def _convolve_enlarged(self, x: Tensor, name: str) -> Tensor:
        """Return `_convolve` of x with every position repeated twice in both directions.

        Each of the four positions sees a 2 x 2 window of x through sums of the kernel's weights: less
        than half of the multiplications, and nothing is repeated in memory.
        """
        kernel = ops.cast(phase_kernels(ops.cast(self.weights[f"{name}/kernel"], "float32")), x.dtype)
        bias = ops.cast(ops.tile(self.weights[f"{name}/bias"], 4), x.dtype)
        x = ops.conv(pad_by_repetition(x), kernel, 1, "valid", data_format="channels_last")
        return interleave(add_bias(x, bias))

    def with_cast_weights(self) -> OnePassNetwork:
        """Return the same network with its weights in its encoder's dtype, so that no call casts them."""
        dtype = self.encoder.dtype
        weights = {name: ops.cast(value, dtype) for name, value in self.weights.items()}
        return replace(self, encoder=self.encoder.with_cast_weights(), weights=weights)


def changes_at(maps: Maps, amount: Tensor) -> tuple[dict[str, Change], Tensor]:
    """Return what moves features the given amounts of the way to the style's, and the statistics there.

    Args:
        maps: of `transfer_maps`.
        amount: float32 (batch,): 0 for the photo's, 1 for the style's.

    Returns:
        By layer matrices (batch, c, c) and offsets (batch, c); statistics as of `statistics_of`.
    """
    amounts = amount[:, None]
    photo, style = maps["statistics"]
    changes: dict[str, Change] = {}
    for layer in STATISTICS_LAYERS:
        matrix, offset = maps[layer]
        reached = EXTENT[layer] * amounts
        matrix = reached[..., None] * matrix + (1 - reached[..., None]) * ops.eye(
            matrix.shape[-1], dtype="float32"
        )
        changes[layer] = matrix, reached * offset
    return changes, photo + EXTENT["statistics"] * amounts * (style - photo)


def new_onepass_network(seed: int, widths: Mapping[str, int]) -> Arrays:
    """Return random weights of the decoder (He et al. 2015).

    Args:
        seed: of the random numbers.
        widths: channels of the encoder's `STATISTICS_LAYERS`.
    """
    rng = np.random.default_rng(seed)
    shapes = {"eighth": (widths["relu4_1"], WIDTHS["eighth"])}
    for size, coarser, layer in (("quarter", "eighth", "relu3_1"), ("half", "quarter", "relu2_1")):
        shapes |= {
            f"skip_{size}": (widths[layer], WIDTHS[size]),
            f"up_{size}": (WIDTHS[coarser], WIDTHS[size]),
        }
        shapes |= {size: (WIDTHS[size], WIDTHS[size])}
    for size, blocks in BLOCKS.items():
        shapes |= {f"{block}_{i}": (WIDTHS[size], WIDTHS[size]) for block in blocks for i in (1, 2)}
    shapes |= {"pixels": (WIDTHS["half"], 12), "edges": (widths["relu1_1"], 3)}
    weights: Arrays = {f"scale/{layer}": np.ones(width) for layer, width in widths.items()}
    for name, (inputs, outputs) in shapes.items():
        gain = next((g for start, g in GAINS.items() if name.startswith(start)), 1.0)
        gain = BLOCK_GAIN if name.endswith("_2") else gain
        weights[f"{name}/kernel"] = rng.normal(0, gain * np.sqrt(2 / 9 / inputs), (3, 3, inputs, outputs))
        weights[f"{name}/bias"] = np.zeros(outputs)
    length, modulated = 2 * sum(widths.values()), 2 * sum(MODULATED.values())
    weights |= {
        "code_in/kernel": rng.normal(0, np.sqrt(2 / length), (length, HIDDEN_WIDTH)),
        "code_in/bias": np.zeros(HIDDEN_WIDTH),
        "code_out/kernel": np.zeros((HIDDEN_WIDTH, modulated)),
        "code_out/bias": np.zeros(modulated),
    }
    return {name: value.astype(np.float32) for name, value in weights.items()}


def write_onepass_network(path: Path, weights: Mapping[str, Tensor], meta: Mapping[str, str]) -> str:
    """Write weights as .npz, kernels in float16, all of it or nothing, and return the file's sha256.

    Args:
        path: the .npz to write; its folder is made.
        weights: as of `new_onepass_network`.
        meta: words to keep, such as the encoder's sha256.

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


def read_onepass_network(path: Path, encoder: FeatureNetwork, own: bool = True) -> OnePassNetwork:
    """Read what `write_onepass_network` wrote.

    Args:
        path: the .npz.
        encoder: the feature network that it was trained with; its dtype is used.
        own: whether it must be that one; another of its widths will do to go on training with.

    Raises:
        WeightsError: the file is missing, damaged, of another network or of another encoder.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name].astype(np.float32) for name in file.files if name != "meta"}
            meta = json.loads(file["meta"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError(
            "{path} is not a whole file of one-pass weights; install it again", path=path
        ) from error
    if own and meta.get("encoder_sha256") != encoder.sha256:
        raise WeightsError(
            "{path} was trained with another feature network than {encoder}; install impasto again "
            "or train it anew",
            path=path,
            encoder=encoder.name,
        )
    wanted = {k: v.shape for k, v in new_onepass_network(0, encoder_widths(encoder)).items()}
    if {name: value.shape for name, value in arrays.items()} != wanted:
        raise WeightsError(
            "{path} holds other arrays than the one-pass network has; install it again", path=path
        )
    if not all(np.isfinite(value).all() for value in arrays.values()):
        raise WeightsError("{path} holds values that are not finite; install it again", path=path)
    weights = {name: ops.convert_to_tensor(value) for name, value in arrays.items()}
    return OnePassNetwork(name=path.stem, encoder=encoder, weights=weights, sha256=digest(path))


def encoder_widths(encoder: FeatureNetwork) -> dict[str, int]:
    """Return the channels of a feature network's `STATISTICS_LAYERS`."""
    return {layer: int(encoder.weights[f"conv{layer[4:]}/bias"].shape[0]) for layer in STATISTICS_LAYERS}
