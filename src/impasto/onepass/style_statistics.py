"""Styles as the one-pass network knows them: moments of features, of one style image or a blend of several.

Several styles blend in their moments, with weights that sum to 1 at each layer: ``fine`` styles at relu1_1
to relu3_1, ``coarse`` ones at relu4_1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from keras import ops

from impasto.errors import SettingError
from impasto.layers import level_of
from impasto.onepass.fitted_moments import fitted_moments
from impasto.onepass.kept_statistics import kept_statistics, statistics_file
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.transfer import STATISTICS_LAYERS, Moments, moments_of
from impasto.pictures.masks import mask_pyramid
from impasto.pictures.resizing import resize
from impasto.prepared import StyleImage, blend_weights
from impasto.workshop import Workshop

Tensor = Any


def blended_statistics(
    styles: Sequence[StyleImage], network: OnePassNetwork, scale: float, workshop: Workshop
) -> Moments:
    """Return the moments of a blend of style images, each with a batch of one.

    Args:
        styles: pixels, weights, parts and masks.
        network: the one-pass network.
        scale: the size, relative to their own, in which the style images are looked at.
        workshop: keeps each style image's.

    Raises:
        SettingError: no style image weighs more than 0.
    """
    used = [style for style in styles if style.weight > 0]
    if not used:
        raise SettingError("a region needs at least one style with a weight above 0")
    moments = [known_statistics(network, style, scale, workshop) for style in used]
    blend = {}
    for layer in STATISTICS_LAYERS:
        weights = blend_weights(used, layer)
        parts = [
            tuple(moment * (weight / sum(weights)) for moment in statistics[layer])
            for statistics, weight in zip(moments, weights, strict=True)
        ]
        blend[layer] = sum(mean for mean, _ in parts), sum(covariance for _, covariance in parts)
    return blend


def known_statistics(network: OnePassNetwork, style: StyleImage, scale: float, workshop: Workshop) -> Moments:
    """Return a style image's moments; the workshop keeps them by the digest of its pixels.

    Those of the gallery's built-in pictures are kept on the disk, too, and fitted to the network.

    Args:
        network: the one-pass network.
        style: its pixels and, where only a part of it counts, its mask.
        scale: the size, relative to its own, in which it is looked at.
        workshop: where they are kept.
    """
    encoder, size = network.encoder, style.scaled(scale).size
    make = partial(_statistics, network, style, scale)
    built_in = style.built_in if style.mask is None else ""
    if built_in and encoder.sha256:
        make = partial(kept_statistics, statistics_file(encoder, style.digest, size), make)
    fit = None
    if built_in and network.fits:
        fit = network.fits, built_in
        make = partial(fitted_moments, make, *fit)
    key = (encoder, fit, style.pixels.shape, size, style.digest)
    return workshop.get("statistics", key, make, _bytes)


def _bytes(statistics: Moments) -> int:
    return sum(4 * math.prod(part.shape) for moments in statistics.values() for part in moments)


def _statistics(network: OnePassNetwork, style: StyleImage, scale: float) -> Moments:
    height, width = style.scaled(scale).size
    features = network.encode(ops.convert_to_tensor(resize(style.pixels, (height, width))[None]))
    if style.mask is None:
        return moments_of(features)
    pyramid = mask_pyramid(resize(style.mask, (height, width)), rounding=network.encoder.pool_rounding)
    return moments_of(features, {k: ops.convert_to_tensor(pyramid[level_of(k)]) for k in STATISTICS_LAYERS})
