"""A photo as the one-pass network knows it: its deeper features, and the moments of all of them.

They depend on the photo and the encoder alone: a photo is encoded once for all styles and strengths. A small
photo is encoded by one compiled function; a large one in tiles, whose sums add up to the whole photo's.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import compile_for_any_size, known_by, to_host
from impasto.layers import layer_shapes, level_of
from impasto.networks.feature_network import FeatureNetwork
from impasto.networks.moments import moment_sums
from impasto.networks.tile_grid import Tile
from impasto.onepass.transfer import STATISTICS_LAYERS, Moments, moments_by_sums
from impasto.pictures.masks import mask_pyramid
from impasto.workshop import Workshop

Tensor = Any
Array = NDArray[np.float32]

MOST_PIXELS = 2**20
"""Photos of more pixels are encoded anew for each picture: they take more memory than they save time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedPhoto:
    """A photo's features and moments.

    Attributes:
        features: by layer of `STATISTICS_LAYERS` but the first, which takes much room and little time, the
            feature maps (1, h, w, c) in the encoder's dtype; on the host if they were made in tiles.
        moments: of all layers.
    """

    features: Mapping[str, Any]
    moments: Moments

    @property
    def nbytes(self) -> int:
        """The bytes that the features take, at 4 per number."""
        return sum(4 * math.prod(maps.shape) for maps in self.features.values())


def encoded_photo(
    encoder: FeatureNetwork, photo: Array, visible: Array | None, tiles: Sequence[Tile], workshop: Workshop
) -> EncodedPhoto:
    """Return a photo encoded; the workshop keeps it by the digest of its pixels.

    Args:
        encoder: of the one-pass network.
        photo: float32 (height, width, 3), sRGB in [0, 1].
        visible: float32 (height, width): how much each pixel counts in the moments; fully if None.
        tiles: in which it is encoded, with the reach of `STATISTICS_LAYERS`; one for a whole photo.
        workshop: where it is kept, and what is compiled.
    """
    shape = (photo.shape[0], photo.shape[1])
    coverage = layers_of(visible, encoder.pool_rounding)
    if len(tiles) > 1:
        return _encoded_in_tiles(encoder, photo, coverage, tiles, workshop)

    def encode() -> EncodedPhoto:
        key = "encode", encoder, known_by(shape), bool(coverage)
        features, moments = workshop.get("functions", key, partial(_compiled, encoder))(photo[None], coverage)
        return EncodedPhoto(features=features, moments=moments)

    if math.prod(shape) > MOST_PIXELS:
        return encode()
    digest = hashlib.blake2b(photo.tobytes(), digest_size=16)
    if visible is not None:
        digest.update(visible.tobytes())
    return workshop.get(
        "encodings", (encoder, shape, digest.digest()), encode, lambda encoded: encoded.nbytes
    )


def _compiled(encoder: FeatureNetwork) -> Callable[..., Any]:
    def encode(photo: Tensor, coverage: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Moments]:
        features = encoder.features(photo, STATISTICS_LAYERS)
        moments = {k: moments_by_sums(features[k], coverage.get(k)) for k in STATISTICS_LAYERS}
        return {k: features[k] for k in STATISTICS_LAYERS[1:]}, moments

    return compile_for_any_size(encode, (1, 2), (0, 1))


def _compiled_sums(encoder: FeatureNetwork) -> Callable[..., Any]:
    def measure(photo: Tensor, cores: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        features = encoder.features(photo, STATISTICS_LAYERS)
        sums = {k: moment_sums(f, cores[k]) for k, f in features.items()}
        return sums, {k: features[k] for k in STATISTICS_LAYERS[1:]}

    return compile_for_any_size(measure, (1, 2), (0, 1))


@dataclass(kw_only=True, eq=False)
class MomentSums:
    """What a picture's moments are made of: sums over positions, so that those of its parts add up.

    Attributes:
        second, first, weights: by layer the sums of products (c, c), of features (c,) and of how much each
            position counts, float64.
    """

    second: dict[str, NDArray[np.float64]]
    first: dict[str, NDArray[np.float64]]
    weights: dict[str, float]

    @classmethod
    def of(cls, sums: Mapping[str, tuple[Tensor, Tensor]], cores: Mapping[str, Array]) -> MomentSums:
        """Return the sums of one tile.

        Args:
            sums: of `moment_sums`, by layer.
            cores: how much each position counts in them, (h, w), by layer.
        """
        return cls(
            second={layer: to_host(second).astype(np.float64) for layer, (second, _) in sums.items()},
            first={layer: to_host(first).astype(np.float64) for layer, (_, first) in sums.items()},
            weights={layer: float(core.sum(dtype=np.float64)) for layer, core in cores.items()},
        )

    def __add__(self, other: MomentSums) -> MomentSums:
        return MomentSums(
            second={layer: total + other.second[layer] for layer, total in self.second.items()},
            first={layer: total + other.first[layer] for layer, total in self.first.items()},
            weights={layer: total + other.weights[layer] for layer, total in self.weights.items()},
        )

    def moments(self) -> Moments:
        """Return the moments of everything that was added up."""
        moments = {}
        for layer, total in self.second.items():
            positions = max(self.weights[layer], 1e-6)
            mean = self.first[layer] / positions
            covariance = (total / positions - np.outer(mean, mean)).astype(np.float32)
            moments[layer] = mean[None].astype(np.float32), covariance[None]
        return moments


def measured(
    encoder: FeatureNetwork, pixels: Array, tile: Tile, coverage: Mapping[str, Array], workshop: Workshop
) -> tuple[MomentSums, Mapping[str, Tensor]]:
    """Return a tile's share of the picture's sums, and its features but for those of the first layer.

    Args:
        encoder: of the one-pass network.
        pixels: float32 (height, width, 3) of the tile, surroundings included.
        tile: where it lies, with the reach of `STATISTICS_LAYERS`.
        coverage: by layer how much each position of the tile counts, (h, w); fully if there is nothing.
        workshop: where the compiled function is kept.
    """
    shape = tile.shape
    measure = workshop.get(
        "functions", ("measure", encoder, known_by(shape)), partial(_compiled_sums, encoder)
    )
    inside = layer_shapes(shape, encoder.pool_rounding)
    cores = {k: tile.core(level_of(k), inside[level_of(k)]) for k in STATISTICS_LAYERS}
    for layer, mask in coverage.items():
        cores[layer] = cores[layer] * mask
    sums, features = measure(pixels[None], cores)
    return MomentSums.of(sums, cores), features


def layers_of(visible: Array | None, rounding: str) -> dict[str, Array]:
    """Return how much each position of `STATISTICS_LAYERS` counts where each pixel does; nothing for None."""
    if visible is None:
        return {}
    pyramid = mask_pyramid(visible, rounding=rounding)
    return {layer: pyramid[level_of(layer)] for layer in STATISTICS_LAYERS}


def _encoded_in_tiles(
    encoder: FeatureNetwork,
    photo: Array,
    coverage: Mapping[str, Array],
    tiles: Sequence[Tile],
    workshop: Workshop,
) -> EncodedPhoto:
    rounding = encoder.pool_rounding
    inside = layer_shapes(tiles[0].shape, rounding)
    outside = layer_shapes((photo.shape[0], photo.shape[1]), rounding)
    sums, layers = list[MomentSums](), dict[str, NDArray[Any]]()
    for tile in tiles:
        parts = {k: tile.cut_layer(m, level_of(k), inside[level_of(k)]) for k, m in coverage.items()}
        tile_sums, features = measured(encoder, tile.cut(photo), tile, parts, workshop)
        sums = [sum(sums, start=tile_sums)]
        for layer, maps in features.items():
            values, level = np.asarray(ops.convert_to_numpy(maps)), level_of(layer)
            if layer not in layers:
                layers[layer] = np.empty((1, *outside[level], values.shape[-1]), values.dtype)
            tile.paste(values[0], layers[layer][0], level)
    return EncodedPhoto(features=layers, moments=sums[0].moments())
