"""The transfer of moments: the linear map that gives a photo's features a style's means and covariances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from impasto.networks.moments import centered, moment_sums

Tensor = Any
Moments = Mapping[str, tuple[Tensor, Tensor]]
"""By layer: channel means (batch, c) and covariances (batch, c, c), float32."""
Maps = Mapping[str, tuple[Tensor, Tensor]]
"""By layer: matrices (batch, c, c) and offsets (batch, c), float32; ``statistics``: those of photo
and style."""
STATISTICS_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
RIDGE = 0.2
"""Added to covariances, relative to the style's mean variance: directions that hardly vary in photo and style
stay as they are, and so does the noise in them. Over the twelve development pairs it is better than less and
more (`benchmarks/transfer.py`)."""
MOST_GAIN = 8.0
"""By how much a transfer map may stretch a direction."""
EXTENT = {"relu1_1": 1.0, "relu2_1": 1.18, "relu3_1": 1.0, "relu4_1": 0.75, "statistics": 0.94}
"""How far the features of each layer, and the statistics, go to the style's, relative to the amount: the
shallow ones carry more of the style for what they take of the photo (`benchmarks/transfer.py`)."""
ITERATIONS = 30
ENOUGH = 2
LEAST_SHARE = (3e-8, 4e-6)
"""Added to eigenvalues, relative to their mean, so that what float32 cannot tell from 0 stays above it: for
photos with enough positions, and for smaller ones, whose covariances have no full rank."""


def moments_of(
    features: Mapping[str, Tensor], masks: Mapping[str, Tensor] | None = None
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the channel means (batch, c) and covariances (batch, c, c) of feature maps.

    Args:
        features: by layer, (batch, height, width, c).
        masks: by layer how much each position counts, float32 (height, width), for a batch of one.
    """
    moments = {}
    for layer in STATISTICS_LAYERS:
        x, mask, positions = features[layer], masks[layer] if masks else None, positions_of(features[layer])
        if x.shape[0] == 1 and None not in x.shape:
            moments[layer] = moments_by_sums(x, mask)
            continue
        flat = ops.reshape(ops.cast(x, "float32"), (-1, positions, x.shape[3]))
        mean = ops.mean(flat, axis=1)
        flat = flat - mean[:, None]
        products = ops.matmul(ops.transpose(flat, (0, 2, 1)), flat)
        moments[layer] = mean, products / ops.cast(positions, "float32")
    return moments


def moments_by_sums(features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return `moments_of` one layer of one picture, (1, height, width, c), whose sides may be open."""
    counted = positions_of(features) if mask is None else ops.sum(mask) + 1e-6
    return centered(*(total / ops.cast(counted, "float32") for total in moment_sums(features, mask)))


def pooled_moments(several: Sequence[Moments]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the moments of all positions of several photos of one size together."""
    pooled = {}
    for layer in STATISTICS_LAYERS:
        means, covariances = zip(*(moments[layer] for moments in several), strict=True)
        mean = sum(means[1:], means[0]) / len(several)
        spread = [
            c + ops.matmul((m - mean)[:, :, None], (m - mean)[:, None])
            for m, c in zip(means, covariances, strict=True)
        ]
        pooled[layer] = mean, sum(spread[1:], spread[0]) / len(several)
    return pooled


def positions_of(features: Tensor) -> Any:
    """Return how many positions feature maps (batch, h, w, c) have; a tensor where the sides are unknown."""
    height, width = ops.shape(features)[1:3]
    return height * width


def statistics_of(moments: Moments) -> Tensor:
    """Return the channel means and deviations of `STATISTICS_LAYERS`, float32 (batch, 2 x channels)."""
    parts = []
    for layer in STATISTICS_LAYERS:
        mean, covariance = moments[layer]
        variances = ops.sum(covariance * ops.eye(covariance.shape[-1], dtype="float32"), axis=-1)
        parts += [mean, ops.sqrt(ops.maximum(variances, 0.0) + 1e-8)]
    return ops.concatenate(parts, axis=-1)


def transfer_maps(photo: Moments, style: Moments) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the map and offset that give the photo's features the style's moments; and statistics.

    The optimal transport map between Gaussians, F' = F M + o with M = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2)
    A^(-1/2) for covariances A of the photo and B of the style, `RIDGE` added to both: of all maps that match
    the moments, the one that moves features least. One photo serves any number of styles.

    Reference: Lu et al. (ICCV 2019), equation 8.
    """
    maps = {"statistics": (statistics_of(photo), statistics_of(style))}
    for layer in STATISTICS_LAYERS:
        (mean, first), (target, second) = photo[layer], style[layer]
        size = first.shape[-1]
        ridge = (
            RIDGE * ops.trace(second, axis1=1, axis2=2)[:, None, None] / size * ops.eye(size, dtype="float32")
        )
        values, vectors = ops.eigh(first + ridge)
        values = ops.maximum(values, 1e-8)
        root, inverse = _symmetric(vectors, ops.sqrt(values)), _symmetric(vectors, ops.rsqrt(values))
        values, vectors = ops.eigh(ops.matmul(root, ops.matmul(second + ridge, root)))
        middle = _symmetric(vectors, ops.sqrt(ops.maximum(values, 0.0)))
        matrix = ops.matmul(inverse, ops.matmul(middle, inverse))
        values, vectors = ops.eigh((matrix + ops.transpose(matrix, (0, 2, 1))) / 2)
        matrix = _symmetric(vectors, ops.minimum(values, MOST_GAIN))
        maps[layer] = matrix, target - ops.matmul(mean[:, None], matrix)[:, 0]
    return maps


def _symmetric(vectors: Tensor, values: Tensor) -> Tensor:
    """Return V diag(values) V' for a batch."""
    return ops.matmul(vectors * values[:, None], ops.transpose(vectors, (0, 2, 1)))


def apply_map(features: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Return features (batch, h, w, c) x matrix (batch, c, c) + offset (batch, c)."""
    _, height, width, channels = ops.shape(features)
    flat = ops.reshape(features, (-1, height * width, channels))
    moved = ops.matmul(flat, ops.cast(matrix, flat.dtype)) + ops.cast(offset[:, None], flat.dtype)
    return ops.reshape(moved, (-1, height, width, channels))


def amount_at(strength: Tensor) -> Tensor:
    """Return how far features go to the style's at a strength in [0, 1]: 1.12 s^0.1635, 1.0 at 0.5."""
    return 1.12 * strength**0.1635


def iterated_transfer_maps(
    photo: Moments, style: Moments, positions: Mapping[str, Any]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return `transfer_maps` by matrix products alone.

    With covariances A of the photo and B of the style the map is S (S A S)^-1/2 S, S = B^1/2, which equals
    the form that `transfer_maps` has. Roots come from Newton-Schulz iterations, and the bound g of the
    gains from min(M, g) = (M + g - (M - g) sign(M - g)) / 2. In float32 the smallest eigenvalues need
    `LEAST_SHARE`. Of 20 pairs at 256 px the pastiches differed by at most 1.3 / 255; of photos that have
    fewer than `ENOUGH` positions per channel, such as 64 x 64 px, by up to 4.3 / 255.

    Args:
        photo: its moments.
        style: its moments.
        positions: how many positions the photo's features have, by layer.

    Reference: Higham, "Functions of Matrices" (2008), sections 5.3 (sign) and 6.3 (roots).
    """
    maps = {"statistics": (statistics_of(photo), statistics_of(style))}
    for layer in STATISTICS_LAYERS:
        (mean, first), (target, second) = photo[layer], style[layer]
        size = first.shape[-1]
        eye = ops.eye(size, dtype="float32")
        ridge = RIDGE * _trace(second) / size * eye
        root, _ = matrix_roots(second + ridge)
        middle = _symmetrized(ops.matmul(root, ops.matmul(first + ridge, root)))
        least = (ops.cast(damping, "float32") for damping in LEAST_SHARE)
        damping = ops.where(ops.cast(positions[layer], "int32") >= ENOUGH * size, *least)
        _, inverse = matrix_roots(middle + damping * _trace(middle) / size * eye)
        matrix = ops.matmul(root, ops.matmul(inverse, root))
        beyond = matrix - MOST_GAIN * eye
        sign = beyond / ops.sqrt(ops.sum(ops.square(beyond), axis=(1, 2), keepdims=True))
        for _ in range(ITERATIONS):
            sign = 1.5 * sign - 0.5 * ops.matmul(sign, ops.matmul(sign, sign))
        matrix = (matrix + MOST_GAIN * eye - ops.matmul(beyond, sign)) / 2
        maps[layer] = matrix, target - ops.matmul(mean[:, None], matrix)[:, 0]
    return maps


def matrix_roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the square root of symmetric positive matrices (batch, c, c), and its inverse."""
    eye = ops.eye(matrix.shape[-1], dtype="float32")
    size = _trace(matrix)
    root, inverse = matrix / size, ops.zeros_like(matrix) + eye
    for _ in range(ITERATIONS):
        step = 1.5 * eye - 0.5 * ops.matmul(inverse, root)
        root, inverse = (_symmetrized(x) for x in (ops.matmul(root, step), ops.matmul(step, inverse)))
    return root * ops.sqrt(size), inverse / ops.sqrt(size)


def _trace(matrix: Tensor) -> Tensor:
    return ops.sum(matrix * ops.eye(matrix.shape[-1], dtype="float32"), axis=(1, 2), keepdims=True)


def _symmetrized(matrix: Tensor) -> Tensor:
    return (matrix + ops.transpose(matrix, (0, 2, 1))) / 2
