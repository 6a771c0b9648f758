"""Where in a picture which style goes: regions by their masks, the subject, what is left of the photo.

In a film masks and subject are another in each frame, and found elsewhere (`Marks`): then all frames have the
same regions, whether or not something is seen of them, so that one transfer paints them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.pictures.masks import erode_to_receptive_field, partition, read_mask
from impasto.pictures.reading import Picture
from impasto.pictures.resizing import fit, resize
from impasto.settings import Settings
from impasto.styles import RegionSpec, StyleSpec

Array = NDArray[np.float32]
LARGEST_MASK = 4096
"""Long side in pixels of the masks of a photo that is read in windows; they are enlarged there."""
ERODED_PIXELS = 16
"""How far within its border a region's style is learned with ``region_edges="eroded"``: what relu3_1 sees."""
LEAST_MASK, LEAST_FRACTION = 1e-3, 1e-4
"""What a mask must have somewhere, and what the main style must have of the picture, or it is left out."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A region before its style is read.

    Attributes:
        mask: float32 (height, width): where; everywhere if None.
        style: the main styles if None.
    """

    mask: Array | None
    style: StyleSpec | None


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Where regions and subject are in a frame of a film.

    Attributes:
        masks: of the regions as they were named, float32 (height, width) in [0, 1] each.
        subject: where the subject is; None if all of the picture is meant.
    """

    masks: tuple[Array, ...] = ()
    subject: Array | None = None


def places_of(
    regions: Sequence[RegionSpec], photo: Picture, settings: Settings, result_shape: tuple[int, int]
) -> tuple[list[Place], Array | None]:
    """Return where which styles are painted in a photo, and where the pastiche is seen.

    The masks have the result's shape, or that of `LARGEST_MASK` if it is larger.

    Raises:
        ImageError: a mask cannot be used, nothing stands out, or nothing would be painted.
    """
    subject = _subject(photo.pixels, settings)
    shape = fit(result_shape, LARGEST_MASK) if result_shape != photo.shape else result_shape
    if subject is not None:
        subject = resize(subject, shape)
    if not regions:
        return [Place(mask=subject, style=None)], subject
    masks = tuple(read_mask(region.mask, shape, photo.full_shape) for region in regions)
    radius = round(ERODED_PIXELS * max(shape) / max(result_shape))
    places, cover = _placed(regions, Marks(masks=masks, subject=subject), settings, radius)
    visible = [place for place in places if _is_seen(place)]
    if subject is not None and places and not visible:
        raise ImageError("the regions and the subject do not overlap; leave one of them out")
    _check_painted(visible)
    return visible, cover


def places_in_frame(
    regions: Sequence[RegionSpec], marks: Marks, settings: Settings
) -> tuple[list[Place], Array | None]:
    """Return the same for a frame of a film, whose masks are known; none is left out.

    Raises:
        ImageError: all regions leave the photo as it is.
    """
    subject = None if marks.subject is None else painted_part(marks.subject, settings)
    if not regions:
        return [Place(mask=None, style=None)], subject
    places, cover = _placed(regions, Marks(masks=marks.masks, subject=subject), settings, ERODED_PIXELS)
    _check_painted(places)
    return places, cover


def _placed(
    regions: Sequence[RegionSpec], marks: Marks, settings: Settings, radius: int
) -> tuple[list[Place], Array | None]:
    masks, rest = partition(marks.masks)
    named = list(zip(masks, regions, strict=True))
    as_photo = [mask for mask, region in named if region.style is None]
    places: list[tuple[Array, StyleSpec | None]] = [
        (mask, StyleSpec(source=region.style, mask=region.style_mask))
        for mask, region in named
        if region.style is not None
    ]
    if settings.background == "photo":
        as_photo.append(rest)
    else:
        places.append((rest, None))
    cover = 1 - np.sum(as_photo, axis=0) if as_photo else None
    if marks.subject is not None:
        places = [(mask * marks.subject, style) for mask, style in places]
        cover = marks.subject if cover is None else cover * marks.subject
    if settings.region_edges == "eroded":
        places = [(erode_to_receptive_field(mask, radius), style) for mask, style in places]
    return [Place(mask=mask, style=style) for mask, style in places], cover


def _is_seen(place: Place) -> bool:
    mask = place.mask
    return mask is None or (
        mask.max() > LEAST_MASK and (place.style is not None or mask.mean() > LEAST_FRACTION)
    )


def _check_painted(places: Sequence[Place]) -> None:
    if not places:
        raise ImageError("the regions leave the whole photo as it is; give one of them a style")


def _subject(photo: Array, settings: Settings) -> Array | None:
    """Return where the photo's subject is, or where it is not; None if all of the photo is meant."""
    if settings.subject == "all":
        return None
    from impasto.pictures.subject import subject_mask

    return painted_part(subject_mask(photo), settings)


def painted_part(subject: Array, settings: Settings) -> Array:
    """Return where it is painted, by where the subject is, float32 (height, width) in [0, 1]."""
    return subject if settings.subject == "only" else 1 - subject
