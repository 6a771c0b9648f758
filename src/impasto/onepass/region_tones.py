"""The tones of each region of a painting: fitted to it, or to a small painting of the photo."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from impasto.engine.gradients import to_host
from impasto.networks.tile_grid import tile_grid
from impasto.onepass.compiled import compiled_maps, mixing_masks, painting_of
from impasto.onepass.encoded_photo import encoded_photo
from impasto.onepass.network import Masks, OnePassNetwork
from impasto.onepass.tones import SMALL_SHAPE, Tones, fitted_tones, style_colors
from impasto.onepass.transfer import STATISTICS_LAYERS, Moments, pooled_moments
from impasto.pictures.resizing import resize
from impasto.prepared import StyledRegion
from impasto.workshop import Workshop

Array = NDArray[np.float32]


def small_tones(
    network: OnePassNetwork,
    regions: Sequence[StyledRegion],
    style: Moments,
    photos: Sequence[Array],
    visible: Array | None,
    workshop: Workshop,
) -> tuple[Tones | None, ...]:
    """Return how each region's colors are moved, from small paintings of some photos.

    Args:
        network: the one-pass network.
        regions: with their style images.
        style: the regions' moments.
        photos: float32 (height, width, 3) each, sRGB in [0, 1].
        visible: float32 (height, width): how much each pixel counts; fully if None.
        workshop: keeps the tones, and what is needed for others.
    """
    shape = SMALL_SHAPE
    step = max(1, min(photos[0].shape[:2]) // (3 * max(shape)))  # what is between says nothing more of colors
    small = [resize(photo[::step, ::step], shape) for photo in photos]
    small_visible = None if visible is None else resize(visible, shape)
    placed = [
        replace(region, mask=None if region.mask is None else resize(region.mask, shape))
        for region in regions
    ]

    def fit() -> tuple[Tones | None, ...]:
        encoder, tiles = network.encoder, tile_grid(shape, max(shape), STATISTICS_LAYERS)
        encoded = [encoded_photo(encoder, photo, small_visible, tiles, workshop) for photo in small]
        moments = pooled_moments([each.moments for each in encoded])
        maps = compiled_maps(workshop)(moments, style)
        masks = mixing_masks(placed, shape, encoder.pool_rounding)
        paint, amount = painting_of(network, shape, bool(masks), workshop), np.ones(1, np.float32)
        paintings = [
            to_host(paint(photo[None], each.features, maps, amount, masks))[0]
            for photo, each in zip(small, encoded, strict=True)
        ]
        return tones_of(paintings, regions, masks, small_visible, workshop)

    digest = hashlib.blake2b(digest_size=16)
    for pixels in (*small, small_visible, *(region.mask for region in placed)):
        digest.update(b"-" if pixels is None else pixels.tobytes())
    styles = tuple(
        tuple((each.digest, each.built_in, each.weight, each.part) for each in region.styles)
        for region in regions
    )
    key = ("tones", network, digest.digest(), styles)
    return workshop.get("statistics", key, fit, lambda tones: sum(each.nbytes for each in tones if each))


def tones_of(
    paintings: Sequence[Array],
    regions: Sequence[StyledRegion],
    masks: Masks,
    visible: Array | None,
    workshop: Workshop,
) -> tuple[Tones | None, ...]:
    """Return how each region's colors are moved, from paintings.

    Args:
        paintings: float32 (height, width, 3) each, of one size.
        regions: with their style images.
        masks: of `mixing_masks`.
        visible: float32 (height, width): how much each pixel counts; fully if None.
        workshop: keeps the styles' colors.
    """
    visible = np.ones(paintings[0].shape[:2], np.float32) if visible is None else visible
    parts = [visible * mask for mask in masks[STATISTICS_LAYERS[0]]] if masks else [visible]
    painting, tones = np.concatenate(paintings), []
    for region, part in zip(regions, parts, strict=True):
        counted = np.concatenate([part] * len(paintings))
        tones.append(fitted_tones(painting, counted, style_colors(region.styles, workshop)))
    return tuple(tones)
