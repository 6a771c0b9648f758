"""The losses of neural style transfer, as pure functions of features.

F, P: features of the pastiche and of the content image, (1, height, width, channels); G, A: Gram
matrices of the pastiche and of the style image, (channels, channels); N = channels, M = positions =
height x width. Everything is computed in float32, whatever the features' precision. What depends on
the picture is written as sums over positions, so that a picture may be measured in parts (`tiling.py`).

Every project normalizes differently; the families here are named after their source:

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

import numpy as np
from keras import ops
from numpy.typing import NDArray

Tensor = Any

LEAST_SPREAD = 0.25
"""Of content features about their means, relative to their size. Photos have 0.5 to 0.8, a gradient 0.02."""


def relative_style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """Return |G - A|^2 / |A|^2 (Frobenius norms): 0 is perfect, 1 is a black picture.

    Independent of size, width and scale of the features; the paper's equation 4 divided by a constant
    of the style image.
    """
    return ops.sum(ops.square(gram - target)) / (ops.sum(ops.square(target)) + 1e-12)


def mean_square(value: Tensor, target: Tensor) -> Tensor:
    """Return the mean over all elements of (value - target)^2, as the article has both losses."""
    return ops.mean(ops.square(ops.cast(value, "float32") - ops.cast(target, "float32")))


def gatys_style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """Return sum (G - A)^2 / (4 N^2) for G, A = F'F / M.

    Gatys et al. 2016, equation 4, which has 1 / (4 N^2 M^2) for F'F without division: the same for
    pictures of equal size, and defined for pictures of different sizes.
    """
    return ops.sum(ops.square(gram - target)) / (4 * gram.shape[-1] ** 2)


def squared_error(features: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return sum m (F - P)^2, a sum over positions; mask (height, width), all count if None."""
    squares = ops.square(ops.cast(features, "float32") - ops.cast(target, "float32"))
    return ops.sum(squares if mask is None else squares * mask[None, :, :, None])


@dataclass(frozen=True)
class ContentSums:
    """What the scale of a content loss needs to know of the content image's features P.

    Attributes:
        positions: how many there are, those that count in part in part.
        sums, squares: of each channel over positions, float64 (channels,).
    """

    positions: float
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, target: NDArray[np.float32], mask: NDArray[np.float32] | None = None) -> ContentSums:
        """Return the sums of features (..., channels), their positions counted as a mask (...) says."""
        flat = target.reshape(-1, target.shape[-1])
        if mask is None:
            squares = np.square(flat).sum(axis=0, dtype=np.float64)
            return cls(len(flat), flat.sum(axis=0, dtype=np.float64), squares)
        counts = mask.reshape(-1).astype(np.float64)
        return cls(float(counts.sum()) + 1e-6, counts @ flat, counts @ np.square(flat))

    def __add__(self, other: ContentSums) -> ContentSums:
        positions = self.positions + other.positions
        return ContentSums(positions, self.sums + other.sums, self.squares + other.squares)


def relative_content_scale(target: ContentSums) -> float:
    """Return 1 / |P - mean P|^2, mean P per channel over positions: the loss 1 is no trace of the photo.

    The paper's equation 1 divided by a constant of the content image. The divisor is at least
    `LEAST_SPREAD` of |P|^2: else a photo of next to nothing, a clear sky, would outweigh every style.
    """
    size = float(target.squares.sum())
    spread = size - float(np.square(target.sums).sum()) / target.positions
    return 1 / max(spread, LEAST_SPREAD * size + 1e-12)


def mean_content_scale(target: ContentSums) -> float:
    """Return 1 / (number of elements): the mean of squares, as the article has it."""
    return 1 / float(target.positions * len(target.sums))


def gatys_content_scale(target: ContentSums) -> float:
    """Return 1/2: Gatys et al. 2016, equation 1, which grows with the picture's size."""
    return 0.5


def variation_sums(image: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the summed squared differences to the pixel below and to the pixel on the right, (2,).

    Args:
        image: (1, height, width, 3) in [0, 1].
        mask: float32 (height, width): the pixels whose differences count; all count if None.
    """
    down = ops.square(image[:, 1:] - image[:, :-1])
    right = ops.square(image[:, :, 1:] - image[:, :, :-1])
    if mask is not None:
        down, right = down * mask[None, :-1, :, None], right * mask[None, :, :-1, None]
    return ops.stack([ops.sum(down), ops.sum(right)])


def corner_variation_sums(image: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the same over all pixels but the last row and column, as Torch's neural-style has it."""
    corner = image[:, :-1, :-1]
    down, right = ops.square(image[:, 1:, :-1] - corner), ops.square(image[:, :-1, 1:] - corner)
    if mask is not None:
        inner = mask[None, :-1, :-1, None]
        down, right = down * inner, right * inner
    return ops.stack([ops.sum(down), ops.sum(right)])


def mean_variation_scale(shape: tuple[int, int]) -> tuple[float, float]:
    """Return what makes the sums means over each direction: equal sharpness is equal at any size."""
    height, width = shape
    return 1 / (3 * max(1, (height - 1) * width)), 1 / (3 * max(1, height * (width - 1)))


def neural_style_variation_scale(shape: tuple[int, int]) -> tuple[float, float]:
    """Return 255^2 / 2: the function whose gradient Torch's neural-style adds, on its 0..255 scale."""
    return 255.0**2 / 2, 255.0**2 / 2


def out_of_range_sum(image: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the summed squared distance from [0, 1], which keeps an optimization in range."""
    beyond = ops.square(ops.relu(image - 1)) + ops.square(ops.relu(-image))
    return ops.sum(beyond if mask is None else beyond * mask[None, :, :, None])


def grain_sum(image: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the summed squared difference of a picture and itself blurred by (1, 2, 1) / 4 both ways.

    The energy of the finest details, over all pixels but the outermost ones.

    Args:
        image: (1, height, width, 3) in [0, 1].
        mask: float32 (height, width): the pixels that count; all count if None.
    """
    rows = (image[:, :-2] + 2 * image[:, 1:-1] + image[:, 2:]) / 4
    blurred = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    details = ops.square(image[:, 1:-1, 1:-1] - blurred)
    return ops.sum(details if mask is None else details * mask[None, 1:-1, 1:-1, None])


def grain_positions(shape: tuple[int, int]) -> int:
    """Return over how many values of a picture of a (height, width) `grain_sum` is a sum."""
    return 3 * (shape[0] - 2) * (shape[1] - 2)


@dataclass(frozen=True)
class Formulas:
    """One family of losses.

    Attributes:
        by_size: whether Gram matrices are divided by N, too.
        style: Gram matrix and target -> loss of a layer.
        content_scale: sums of the content image's features -> the factor of `squared_error`.
        variation_sums: image and mask -> sums down and to the right.
        variation_scale: (height, width) -> the factors of these sums.
    """

    by_size: bool
    style: Callable[[Tensor, Tensor], Tensor]
    content_scale: Callable[[ContentSums], float]
    variation_sums: Callable[[Tensor, Tensor | None], Tensor] = variation_sums
    variation_scale: Callable[[tuple[int, int]], tuple[float, float]] = mean_variation_scale


FORMULAS = {
    "relative": Formulas(False, relative_style_loss, relative_content_scale),
    "article": Formulas(True, mean_square, mean_content_scale),
    "gatys2016": Formulas(False, gatys_style_loss, gatys_content_scale),
    "neural-style": Formulas(
        True, mean_square, mean_content_scale, corner_variation_sums, neural_style_variation_scale
    ),
}
