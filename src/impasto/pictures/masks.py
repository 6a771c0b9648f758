"""Masks: where in the picture which style goes.

A mask is float32 (height, width) in [0, 1]; painted white says where. It comes from a file, an
array or, for a photo's main subject, from the photo itself, without any learned weights. This file
also brings masks to the sizes of a network's layers.

A mask that is no file becomes a text, which a recipe can hold: the data URL of a PNG of 8 bit gray. A picture
is made with what is in the text, not with what the text was made of: so its recipe repeats it.

Reference: Gatys, Ecker, Bethge, Hertzmann and Shechtman, "Controlling Perceptual Factors in Neural
Style Transfer" (CVPR 2017), section 4; for the subject see `subject_mask`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.errors import ImageError, SettingError, did_you_mean
from impasto.pictures.decoding import pillow_errors
from impasto.pictures.reading import Picture, read_picture
from impasto.pictures.resizing import fit, resize, scale_to
from impasto.styles import MASK_TEXT, is_mask_text

Array = NDArray[Any]
Mask = NDArray[np.float32]
ROUNDINGS = ("floor", "ceil")
ASPECT_TOLERANCE = 0.05
LUMINANCE = (0.2126, 0.7152, 0.0722)
CODE, WHITE = np.array([1 << 16, 1 << 8, 1], np.uint32), 0xFFFFFF
MOST_LABELS = 32
LONGEST_TEXT_SIDE = 1024
"""In pixels, of a mask that becomes a text."""
MOST_FEATHER = 0.04
"""Of the long side: the deviation of the blur at feather 100."""
BLACK = 0.02  # a mask that is nowhere brighter is empty; JPEG leaves a little noise in black


def read_mask(source: Any, shape: tuple[int, int], photo_shape: tuple[int, int] | None = None) -> Mask:
    """Return a mask from anything that `read_picture` reads, in the result's size.

    Gray is the luminance, Rec. 709 weights on sRGB values. Where there is an alpha channel, what is
    transparent is not in the region, and if all that is opaque has one color, whichever it is,
    alpha alone is the mask: a painted layer. A few flat colors on black with no white among them, as
    programs write labels, say only where: what is not black counts fully.

    Args:
        source: a path, a Pillow image, an array of bool, uint8, uint16 or floats in [0, 1], or a text as of
            `mask_text`.
        shape: (height, width) wanted in pixels.
        photo_shape: (height, width) of the picture that the mask was painted for, if the result has another
            aspect ratio than that, as it may be stretched.

    Returns:
        float32 (height, width) in [0, 1].

    Raises:
        MissingFileError: there is no such file.
        ImageError: it is no picture, is black everywhere or has another aspect ratio than the picture.
    """
    picture = _read(mask_of_text(source) if is_mask_text(source) else source)
    name = picture.name
    check_alike(name, picture.shape, photo_shape or shape)
    mask = resize(whiteness(picture), shape)
    if mask.max() < BLACK:
        raise ImageError(
            "the mask {name} is black everywhere: nothing would be styled; paint the region white", name=name
        )
    return mask


def check_alike(name: str, mask: tuple[int, int], photo: tuple[int, int]) -> None:
    """Check that a mask's (height, width) has about the aspect ratio of the picture that it is for.

    Raises:
        ImageError: it has not.
    """
    if not _is_alike(mask, photo):
        raise ImageError(
            "the mask {name} has {width} x {height} px, the picture {photo_width} x {photo_height}; their "
            "aspect ratios may differ by at most {tolerance:.0%}",
            name=name,
            width=mask[1],
            height=mask[0],
            photo_width=photo[1],
            photo_height=photo[0],
            tolerance=ASPECT_TOLERANCE,
        )


def _read(source: Any) -> Picture:
    if isinstance(source, np.ndarray) and source.dtype == bool:
        source = source.astype(np.float32)
    return read_picture(source)


def mask_text(source: Any) -> str:
    """Return a mask that is no file as text, of at most `LONGEST_TEXT_SIDE` px a side.

    Args:
        source: an array or a Pillow image, as `read_mask` takes them; a text stays as it is.

    Raises:
        ImageError: it cannot be a mask.
    """
    if is_mask_text(source):
        return str(source)
    mask = whiteness(_read(source))
    mask = resize(mask, fit((mask.shape[0], mask.shape[1]), LONGEST_TEXT_SIDE))
    file = io.BytesIO()
    Image.fromarray(np.rint(mask * 255).astype(np.uint8)).save(file, "PNG", optimize=True)
    return MASK_TEXT + base64.b64encode(file.getvalue()).decode()


def mask_of_text(text: str) -> NDArray[np.uint8]:
    """Return the mask (height, width) that a text holds.

    Raises:
        ImageError: it holds no whole PNG of 8 bit gray, or one that is larger than `mask_text` makes it.
    """
    try:
        data = base64.b64decode(text.removeprefix(MASK_TEXT), validate=True)
    except ValueError as error:
        raise ImageError("a mask in the recipe is damaged; paint it again") from error
    with pillow_errors("a mask in the recipe"), Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        if image.mode != "L" or max(image.size) > LONGEST_TEXT_SIDE:
            raise ImageError(
                "a mask in a recipe must be an 8 bit gray PNG of at most {most} px a side; paint it again",
                most=LONGEST_TEXT_SIDE,
            )
        return np.array(image)


def _is_alike(mask: tuple[int, int], photo: tuple[int, int]) -> bool:
    """Return whether a mask's size becomes the photo's, or the photo's the mask's, as pictures are reduced.

    A panorama's short side is held at 16 px, which changes its aspect ratio.
    """

    def becomes(one: tuple[int, int], other: tuple[int, int]) -> bool:
        sides = zip(scale_to(one, max(other)), other, strict=True)
        return all(abs(side - wanted) <= max(1, ASPECT_TOLERANCE * wanted) for side, wanted in sides)

    return becomes(mask, photo) or becomes(photo, mask)


def whiteness(picture: Picture) -> Mask:
    """Return how much of each pixel a mask means, float32 (height, width) in [0, 1]; see `read_mask`."""
    pixels, alpha = picture.pixels, picture.alpha
    gray = np.clip(pixels @ np.array(LUMINANCE, np.float32), 0, 1)
    visible = pixels if alpha is None else pixels[alpha > 0.5]
    if alpha is not None and (not len(visible) or np.ptp(visible, axis=0).max() <= BLACK):
        return alpha
    if _has_labels(visible):
        gray = (pixels.max(axis=2) > BLACK).astype(np.float32)
    return gray if alpha is None else gray * alpha


def _has_labels(pixels: Array) -> bool:
    """Return whether a mask has a few flat colors, black among them, white not, and not all of them gray."""
    levels = np.rint(pixels.reshape(-1, 3) * 255).astype(np.uint32)
    codes = np.unique(levels[:: max(1, len(levels) // 4096)] @ CODE)  # most masks are known by a sample
    if len(codes) > MOST_LABELS:
        return False
    codes = np.unique(levels @ CODE)
    if len(codes) > MOST_LABELS or codes[0] != 0 or codes[-1] == WHITE:
        return False
    return any(len({code >> 16, code >> 8 & 255, code & 255}) > 1 for code in codes.tolist())


def partition(masks: Sequence[Array]) -> tuple[list[Mask], Mask]:
    """Return the masks so that they share each pixel, and the background, which is what they leave.

    m_k' = m_k / max(1, sum over j of m_j); background = 1 - sum over k of m_k'.

    Args:
        masks: one or more of (height, width) in [0, 1].

    Returns:
        As many masks and the background, float32 (height, width) in [0, 1]; together they are 1.

    Raises:
        SettingError: there is no mask, or their shapes differ.
    """
    if not masks:
        raise SettingError("at least one mask is needed, none was given")
    shapes = {np.shape(mask) for mask in masks}
    if len(shapes) > 1:
        raise SettingError("masks must have one shape, not {shapes}", shapes=str(sorted(shapes))[1:-1])
    stack = np.stack([np.asarray(mask, np.float32) for mask in masks])
    stack /= np.maximum(1, stack.sum(axis=0))
    return list(stack), np.clip(1 - stack.sum(axis=0), 0, 1)


def mask_pyramid(mask: Array, levels: int = 5, rounding: str = "floor") -> list[Mask]:
    """Return the mask at the sizes of a network's blocks, by 2 x 2 average pooling.

    Args:
        mask: (height, width) in [0, 1].
        levels: how many; level 0 is the mask, each further one has half the size.
        rounding: of odd sides: ``floor`` drops the last row as VGG's pooling does, ``ceil``
            averages what there is of it.

    Returns:
        float32 (height / 2^k, width / 2^k) in [0, 1] for k = 0 ... levels - 1.

    Raises:
        SettingError: the rounding is unknown, or the mask is too small for so many levels.
    """
    if rounding not in ROUNDINGS:
        hint = did_you_mean(rounding, ROUNDINGS)
        raise SettingError(
            "rounding must be floor or ceil, not {rounding!r}{hint}", rounding=rounding, hint=hint
        )
    most = min(mask.shape).bit_length()
    if not 1 <= levels <= most:
        raise SettingError(
            "a mask of shape {shape} has 1 to {most} levels, not {levels}",
            shape=mask.shape,
            most=most,
            levels=levels,
        )
    pyramid = [np.asarray(mask, np.float32)]
    while len(pyramid) < levels:
        pyramid.append(_pool(pyramid[-1], rounding))
    return pyramid


def _pool(mask: Mask, rounding: str) -> Mask:
    for axis in (0, 1):
        side = mask.shape[axis]
        if rounding == "floor":
            side -= side % 2
            mask = mask.take(range(side), axis)
        starts = np.arange(0, side, 2)
        counts = np.minimum(2, side - starts).astype(np.float32)
        mask = np.add.reduceat(mask, starts, axis) / (counts[:, None] if axis == 0 else counts)
    return mask


def feathered(mask: Array, feather: float) -> Mask:
    """Return a mask with a softer edge: blurred by a Gaussian, its deviation up to 4% of the long side.

    Args:
        mask: (height, width) in [0, 1].
        feather: 0, the mask itself, to 100.

    Raises:
        SettingError: the feather is out of its range.
    """
    if not 0 <= feather <= 100:
        raise SettingError("feather must be a number from 0 to 100, not {feather!r}", feather=feather)
    mask = np.asarray(mask, np.float32)
    if not feather:
        return mask
    from scipy import ndimage  # slow to import, and seldom asked for

    deviation = MOST_FEATHER * feather / 100 * max(mask.shape)
    return np.asarray(ndimage.gaussian_filter(mask, deviation, mode="nearest"), np.float32)


def erode_to_receptive_field(mask: Array, radius: int) -> Mask:
    """Return the mask without the positions whose features also see what lies outside the region.

    Gray erosion with a square: out(p) = min of mask(q) over |q - p| <= radius in rows and columns.
    Beyond the borders the mask goes on as it ends. If no position would keep half of its maximum,
    as in a region smaller than the receptive field, the mask comes back as it is.

    Args:
        mask: (height, width) in [0, 1], at the layer's size.
        radius: of the receptive field, in positions of the layer; for VGG-19's relu1_1, relu2_1,
            ... relu5_1 it is 1, 2, 3, 4, 5.

    Raises:
        SettingError: the radius is negative.

    Reference: Gatys et al. (CVPR 2017), section 4.
    """
    if radius < 0:
        raise SettingError("a receptive field's radius must be at least 0, not {radius}", radius=radius)
    mask = np.asarray(mask, np.float32)
    from scipy import ndimage  # slow to import, and seldom asked for

    eroded = np.asarray(ndimage.minimum_filter(mask, 2 * radius + 1, mode="nearest"))
    return eroded if eroded.max() >= 0.5 * mask.max() else mask
