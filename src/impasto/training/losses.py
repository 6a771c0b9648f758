"""What trainings minimise beside the losses of style transfer."""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any


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
    got, wanted = batch_gram_matrices(prediction), batch_gram_matrices(target)
    error = ops.sum(ops.square(got - wanted), axis=(1, 2))
    size = ops.sum(ops.square(wanted), axis=(1, 2))
    return ops.mean(error / (size + ops.mean(size) + 1e-6))


def batch_gram_matrices(features: Tensor) -> Tensor:
    """Return F'F / positions for each picture of a batch, float32 (batch, channels, channels)."""
    positions = features.shape[1] * features.shape[2]
    flat = ops.reshape(features, (-1, positions, features.shape[3]))
    return ops.cast(ops.matmul(ops.transpose(flat, (0, 2, 1)), flat), "float32") / positions
