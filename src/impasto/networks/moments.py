"""Sums, means and products of features over positions, differentiated as cheaply as they can be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

Tensor = Any
PIECE = 2**20
"""Numbers of a layer's features that are looked at in float32 at once."""


def gram_matrix(features: Tensor) -> Tensor:
    """Return F'F / M: the mean over positions of the products of channels.

    Independent of the picture's size. Gatys et al. 2016, equation 3, divided by M.

    Args:
        features: (1, height, width, channels), any floating dtype.

    Returns:
        float32 (channels, channels), symmetric and positive semi-definite.
    """
    positions = features.shape[1] * features.shape[2]
    return moment_sums(features)[0] / positions


def moment_sums(features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return F'mF and F'm: sums over positions, so that those of a picture's parts add up to its own.

    Args:
        features: (1, height, width, channels), any floating dtype.
        mask: float32 (height, width), how much each position counts; all count if None.

    Returns:
        float32 (channels, channels) and (channels,); a loss of the first must treat both its axes alike.

    Reference: Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer" (CVPR 2017),
    equation 5, for Gram matrices guided by a mask.
    """
    flat = ops.reshape(features, (-1, features.shape[-1]))
    sums = _moment_rows(flat, None if mask is None else ops.reshape(mask, (-1, 1)))
    return sums[:-1], sums[-1]


def _moment_rows(flat: Tensor, weights: Tensor | None) -> Tensor:
    """Return F'mF with F'm as its last row, float32, differentiated as what is used symmetrically may be.

    Of slopes S, symmetric, and s the gradient is m (2 F S + s): one product, in the features' precision,
    instead of the two and their sum that the engines would make of it. Nothing is kept for it but the
    features; copies of them in float32 are made piece by piece.
    """
    dtype, channels = keras.backend.standardize_dtype(flat.dtype), flat.shape[-1]
    step = max(1024, PIECE // channels)

    def sums(flat: Tensor, start: Any, stop: Any) -> tuple[Tensor, Tensor]:
        piece = ops.cast(flat[start:stop], "float32")
        counted = piece if weights is None else piece * weights[start:stop]
        return ops.matmul(ops.transpose(counted), piece), ops.sum(counted, axis=0, keepdims=True)

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def moment_rows(flat: Tensor) -> tuple[Tensor, Any]:
        if dtype == "float32":
            second, first = sums(flat, None, None)
        else:
            second, first = _summed(partial(sums, flat), flat, step)

        def gradient(*args: Tensor, upstream: Tensor | None = None) -> Tensor:
            slopes = ops.cast(args[0] if upstream is None else upstream, dtype)
            slope = ops.matmul(flat, 2 * slopes[:-1]) + slopes[-1]
            return slope if weights is None else slope * ops.cast(weights, dtype)

        return ops.concatenate([second, first]), gradient

    return moment_rows(flat)


def _summed(
    sums: Callable[[Any, Any], tuple[Tensor, Tensor]], flat: Tensor, step: int
) -> tuple[Tensor, Tensor]:
    """Return the sums of all pieces of so many positions, one after the other; their number may be open."""
    positions, channels = flat.shape

    def add(start: Any, second: Tensor, first: Tensor) -> tuple[Any, Tensor, Tensor]:
        more = sums(start, start + step)
        return start + step, second + more[0], first + more[1]

    at = 0, ops.zeros((channels, channels), "float32"), ops.zeros((1, channels), "float32")
    if positions is None:
        count = ops.shape(flat)[0]
        at = ops.while_loop(lambda start, *_: start < count, add, at)
    while positions is not None and at[0] < positions:
        at = add(*at)
    return at[1], at[2]


def centered(second: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (1, c) and covariance (1, c, c) from the mean products (c, c) and means (c,)."""
    return mean[None], (second - ops.outer(mean, mean))[None]
