"""What trainings minimize: the losses of style transfer for batches, and what a student does not explain."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.losses import LEAST_SPREAD
from impasto.training.pairs import MOST_SHIFT

Tensor = Any

TERMS = ("loss", "content", "style", "variation")
"""Of a loss of style transfer, as trainings tell them."""
_AXES = np.array([[1 / 3, 1 / 3, 1 / 3], [1, -1, 0], [0.5, 0.5, -1]])
_HALF = np.sqrt(0.5)
PALETTE_DIRECTIONS = (
    np.array(
        [
            *np.eye(3),
            *([_HALF, _HALF * sign, 0] for sign in (1, -1)),
            *([_HALF, 0, _HALF * sign] for sign in (1, -1)),
            *([0, _HALF, _HALF * sign] for sign in (1, -1)),
        ]
    )
    @ _AXES
).astype(np.float32)
"""Along which colors are compared, (9, 3) of RGB: lightness, red against green, yellow against blue, which
are about as long as CIELAB's, and what lies between each two."""
PALETTE_WEIGHT, MOST_PALETTE = 30.0, 0.1
"""Of the palette's loss beside the style's: a sixth of it to a third; and what it comes near to at most."""
STEADY_WEIGHT, MOST_UNSTEADY = 60.0, 0.05
"""Of `unsteadiness`, and what it comes near to at most."""
FAR = 0.1
"""Outside [0, 1], where the penalty of being outside turns from a square to a line."""


def gram_matrices(network: FeatureNetwork, layer: str, features: Tensor) -> Tensor:
    """Return `FeatureNetwork.gram_matrix` of each picture of a batch, float32 (batch, c, c)."""
    compared = features if network.has_metric(layer) else network.projected(layer, features)
    compared = ops.cast(compared, "float32")
    return network.projected_moments(layer, batch_gram_matrices(compared), ops.mean(compared, axis=(1, 2)))[0]


def relative_style_losses(grams: Tensor, targets: Tensor) -> Tensor:
    """Return `losses.relative_style_loss` of each pair of a batch, float32 (batch,)."""
    error, size = (ops.sum(ops.square(x), axis=(1, 2)) for x in (grams - targets, targets))
    return error / (size + 1e-12)


def relative_content_losses(features: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of each pair times `losses.relative_content_scale`, float32 (batch,)."""
    features, targets = ops.cast(features, "float32"), ops.cast(targets, "float32")
    about_mean = targets - ops.mean(targets, axis=(1, 2), keepdims=True)
    parts = (features - targets, about_mean, targets)
    error, spread, size = (ops.sum(ops.square(x), axis=(1, 2, 3)) for x in parts)
    return error / ops.maximum(spread, LEAST_SPREAD * size + 1e-12)


def at_strengths(content: Tensor, style: Tensor, strength: Tensor, style_weight: float) -> Tensor:
    """Return the mean of ((1 - s)^2 content + w s^2 style) / ((1 - s)^2 + s^2) over a batch.

    Args:
        content: losses, float32 (batch,).
        style: losses, float32 (batch,).
        strength: s of each, in [0, 1].
        style_weight: w, style weight over content weight at strength 0.5.
    """
    keep, apply = ops.square(1 - strength), ops.square(strength)
    return ops.mean((keep * content + style_weight * apply * style) / (keep + apply))


def palette_losses(pictures: Tensor, styles: Tensor) -> Tensor:
    """Return how far each picture's colors are from its style's, float32 (batch,), below `MOST_PALETTE`.

    The squared sliced Wasserstein distance (Bonneel et al. 2015): the mean over `PALETTE_DIRECTIONS` of the
    squared difference of the sorted projections, both of as many pixels; bounded. Gram matrices alone leave
    it open between which colors a mean lies.

    Args:
        pictures: float32 (batch, height, width, 3), in [0, 1] or near it.
        styles: the same shape.
    """
    first, second = (_sorted_projections(x) for x in (pictures, styles))
    return bounded(ops.mean(ops.square(first - second), axis=(1, 2)), MOST_PALETTE)


def unsteadiness(pastiches: Tensor, moved: Tensor, shift: Tensor) -> Tensor:
    """Return how far moved photos' pastiches are from the pastiches moved, float32 (batch,).

    The mean of squares, bounded by `MOST_UNSTEADY`. Near the borders, where the one has seen what the other
    has not, nothing is compared.

    Args:
        pastiches: of the photos, float32 (batch, height, width, 3).
        moved: of the photos moved, as of `pairs.with_moved`.
        shift: int32 (2,), by how many pixels.
    """
    count, height, width, _ = pastiches.shape
    margin = 2 * MOST_SHIFT
    shape = (count, height - 2 * margin, width - 2 * margin, 3)
    first = ops.slice(pastiches, (0, margin + shift[0], margin + shift[1], 0), shape)
    second = ops.slice(moved, (0, margin, margin, 0), shape)
    return bounded(ops.mean(ops.square(first - second), axis=(1, 2, 3)), MOST_UNSTEADY)


def bounded(values: Tensor, bound: float) -> Tensor:
    """Return values from 0 up that come near to a bound, but not beyond."""
    return values / (1 + values / bound)


def _sorted_projections(pictures: Tensor) -> Tensor:
    """Return projections of every third row's and column's pixels, float32 (batch, directions, pixels)."""
    some = pictures[:, 1::3, 1::3]
    flat = ops.reshape(some, (-1, some.shape[1] * some.shape[2], 3))
    projected = ops.matmul(flat, ops.convert_to_tensor(PALETTE_DIRECTIONS.T))
    return ops.sort(ops.transpose(projected, (0, 2, 1)), axis=-1)


def beyond_range(pictures: Tensor) -> Tensor:
    """Return for each picture of a batch how far it is outside [0, 1], float32 (batch,).

    The mean of d^2 of what is up to `FAR` outside, and of FAR (2 d - FAR) beyond (Huber 1964): a picture that
    has burst must still be told where to go, and not outweigh all others.
    """
    outside = ops.abs(pictures - ops.clip(pictures, 0, 1))
    near = ops.minimum(outside, FAR)
    return ops.mean(near * (2 * outside - near), axis=(1, 2, 3))


def unexplained(prediction: Tensor, target: Tensor) -> Tensor:
    """Return 1 - R^2: squared error over the target's variance about its channel means."""
    prediction, target = ops.cast(prediction, "float32"), ops.cast(target, "float32")
    error = ops.mean(ops.square(prediction - target))
    spread = ops.mean(ops.square(target - ops.mean(target, axis=(0, 1, 2), keepdims=True)))
    return error / (spread + 1e-6)


def batch_gram_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean over the batch of |G - A|^2 / (|A|^2 + mean |A|^2), for training.

    As the style loss measures, but for the batch's mean in the divisor: a picture of nothing, whose
    Gram matrix is near zero, would otherwise outweigh all others and throw the training off.
    """
    grams, targets = batch_gram_matrices(prediction), batch_gram_matrices(target)
    error = ops.sum(ops.square(grams - targets), axis=(1, 2))
    size = ops.sum(ops.square(targets), axis=(1, 2))
    return ops.mean(error / (size + ops.mean(size) + 1e-6))


def batch_gram_matrices(features: Tensor) -> Tensor:
    """Return F'F / positions for each picture of a batch, float32 (batch, channels, channels)."""
    positions = features.shape[1] * features.shape[2]
    flat = ops.reshape(features, (-1, positions, features.shape[3]))
    return ops.cast(ops.matmul(ops.transpose(flat, (0, 2, 1)), flat), "float32") / positions
