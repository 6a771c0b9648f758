"""What one pass computes, compiled and kept by a workshop, and where its regions are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import compile_for_any_size, compile_function, known_by
from impasto.errors import ImageError
from impasto.onepass.network import Masks, OnePassNetwork
from impasto.onepass.transfer import STATISTICS_LAYERS, Maps, transfer_maps
from impasto.prepared import StyledRegion, region_masks
from impasto.workshop import Workshop

Tensor = Any
Array = NDArray[np.float32]


def mixing_masks(regions: Sequence[StyledRegion], shape: tuple[int, int], rounding: str) -> dict[str, Array]:
    """Return by layer how much each region counts where, float32 (regions, h, w); nothing for one region.

    The masks add up to 1; where no region is, all count alike.

    Raises:
        ImageError: a mask has another shape than the picture.
    """
    for region in regions:
        if region.mask is not None and region.mask.shape != shape:
            raise ImageError(
                "a region's mask must have the shape {expected}, not {found}",
                expected=shape,
                found=region.mask.shape,
            )
    if len(regions) == 1:
        return {}
    masks = [np.ones(shape, np.float32) if r.mask is None else np.clip(r.mask, 0, 1) for r in regions]
    total = np.sum(masks, axis=0) + 1e-6 * len(masks)
    shares = [((mask + 1e-6) / total).astype(np.float32) for mask in masks]
    mixed = [replace(region, mask=mask) for region, mask in zip(regions, shares, strict=True)]
    return region_masks(mixed, shape, STATISTICS_LAYERS, rounding)


def painting_of(
    network: OnePassNetwork, shape: tuple[int, int], masked: bool, workshop: Workshop
) -> Callable[..., Any]:
    """Return the painting compiled for a shape, or for all where the engine can; a workshop keeps it."""
    key = "paint", network, known_by(shape), masked
    return workshop.get("functions", key, partial(_compiled_painting, network))


def _compiled_painting(network: OnePassNetwork) -> Callable[..., Any]:
    def paint(photo: Tensor, deeper: Masks, maps: Maps, amount: Tensor, masks: Masks) -> Tensor:
        features = {k: ops.cast(v, network.encoder.dtype) for k, v in deeper.items()}
        features |= network.encoder.features(photo, STATISTICS_LAYERS[:1])
        return network.paint(features, maps, amount, masks or None)

    return compile_for_any_size(paint, (1, 2), (1, 2), (), (), (1, 2))


def compiled_maps(workshop: Workshop) -> Callable[..., Any]:
    """Return `transfer_maps`, compiled; a workshop keeps it."""
    return workshop.get("functions", "transfer maps", lambda: compile_function(transfer_maps))
