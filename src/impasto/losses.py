"""The losses of neural style transfer, as pure functions of features.

F, P: features of the pastiche and of the content image, (1, height, width, channels); G, A: Gram
matrices of the pastiche and of the style image, (channels, channels); N = channels, M = positions =
height x width. Everything is computed in float32, whatever the features' precision.

Every project normalises differently; the families here are named after their source:

========================  ======================  ===========================  =======================
family                    Gram matrix             style loss of a layer        content loss of a layer
========================  ======================  ===========================  =======================
relative (the default)    F'F / M                 |G - A|^2 / |A|^2            |F - P|^2 / |P - mean P|^2
article                   F'F / (N M)             mean (G - A)^2               mean (F - P)^2
gatys2016                 F'F / M                 sum (G - A)^2 / (4 N^2)      sum (F - P)^2 / 2
neural-style              F'F / (N M)             mean (G - A)^2               mean (F - P)^2
========================  ======================  ===========================  =======================

Reference: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR
2016), equations 1 to 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

Tensor = Any


def gram_matrix(features: Tensor) -> Tensor:
    """Return F'F / M: the mean over positions of the products of channels.

    Independent of the picture's size. Gatys et al. 2016, equation 3, divided by M.

    Args:
        features: (1, height, width, channels), any floating dtype.

    Returns:
        float32 (channels, channels), symmetric and positive semi-definite.
    """
    channels = features.shape[-1]
    flat = ops.cast(ops.reshape(features, (-1, channels)), "float32")
    positions = ops.cast(ops.shape(flat)[0], "float32")
    return ops.matmul(ops.transpose(flat), flat) / positions


def relative_style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """Return |G - A|^2 / |A|^2 (Frobenius norms): 0 is perfect, 1 is a black picture.

    Independent of size, width and scale of the features; the paper's equation 4 divided by a constant
    of the style image.
    """
    return ops.sum(ops.square(gram - target)) / (ops.sum(ops.square(target)) + 1e-12)


def relative_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return |F - P|^2 / |P - mean P|^2, mean P per channel over positions: 1 is no trace of the photo.

    The paper's equation 1 divided by a constant of the content image. The divisor is at least a
    hundredth of |P|^2, so that a photo of nothing (a plain colour) has a finite loss.
    """
    features, target = ops.cast(features, "float32"), ops.cast(target, "float32")
    spread = ops.sum(ops.square(target - ops.mean(target, axis=(0, 1, 2), keepdims=True)))
    least = 0.01 * ops.sum(ops.square(target)) + 1e-12
    return ops.sum(ops.square(features - target)) / ops.maximum(spread, least)


def mean_square(value: Tensor, target: Tensor) -> Tensor:
    """Return the mean over all elements of (value - target)^2, as the article has both losses."""
    return ops.mean(ops.square(ops.cast(value, "float32") - ops.cast(target, "float32")))


def gatys_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return sum (F - P)^2 / 2. Gatys et al. 2016, equation 1; grows with the picture's size."""
    difference = ops.cast(features, "float32") - ops.cast(target, "float32")
    return ops.sum(ops.square(difference)) / 2


def gatys_style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """Return sum (G - A)^2 / (4 N^2) for G, A = F'F / M.

    Gatys et al. 2016, equation 4, which has 1 / (4 N^2 M^2) for F'F without division: the same for
    pictures of equal size, and defined for pictures of different sizes.
    """
    return ops.sum(ops.square(gram - target)) / (4 * gram.shape[-1] ** 2)


def total_variation(image: Tensor) -> Tensor:
    """Return the mean of squared differences of neighbouring pixels, both directions added.

    Args:
        image: (1, height, width, 3) in [0, 1]. Independent of size for equal sharpness.
    """
    down = ops.mean(ops.square(image[:, 1:] - image[:, :-1]))
    right = ops.mean(ops.square(image[:, :, 1:] - image[:, :, :-1]))
    return down + right


def neural_style_variation(image: Tensor) -> Tensor:
    """Return 1/2 sum of (x[i, j] - x[i, j+1])^2 + (x[i, j] - x[i+1, j])^2 on the 0..255 scale.

    The function whose gradient Torch's neural-style adds, over all but the last row and column.
    """
    corner = image[:, :-1, :-1]
    down, right = image[:, 1:, :-1] - corner, image[:, :-1, 1:] - corner
    return 255.0**2 * (ops.sum(ops.square(down)) + ops.sum(ops.square(right))) / 2


def out_of_range(image: Tensor) -> Tensor:
    """Return the mean of the squared distance from [0, 1], which keeps an optimisation in range."""
    return ops.mean(ops.square(ops.relu(image - 1)) + ops.square(ops.relu(-image)))


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


@dataclass(frozen=True)
class Formulas:
    """One family of losses: whether Gram matrices are divided by N, too, and how losses are computed."""

    by_size: bool
    style: Callable[[Tensor, Tensor], Tensor]
    content: Callable[[Tensor, Tensor], Tensor]
    variation: Callable[[Tensor], Tensor]


FORMULAS = {
    "relative": Formulas(False, relative_style_loss, relative_content_loss, total_variation),
    "article": Formulas(True, mean_square, mean_square, total_variation),
    "gatys2016": Formulas(False, gatys_style_loss, gatys_content_loss, total_variation),
    "neural-style": Formulas(True, mean_square, mean_square, neural_style_variation),
}
