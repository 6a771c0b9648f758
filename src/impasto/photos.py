"""A photo in the size of its pastiche: read as a whole, or in windows where it would not fit into memory."""

from __future__ import annotations

import math
from typing import Any

from impasto.engine import machine
from impasto.errors import Argument, SettingError
from impasto.layers import MINIMUM_SIDE, ONEPASS_MINIMUM_SIDE
from impasto.pictures.decoding import MAXIMUM_PIXELS
from impasto.pictures.reading import Picture, read_picture
from impasto.pictures.resizing import fit
from impasto.pictures.windows import LargePhoto, is_huge, is_windowed, most_pixels, stored_shape
from impasto.settings import LARGEST_SIZE, Settings

Source = Any
"""A picture as a path, a PIL image, an array or a `Picture`."""
WHOLE_BYTES = 160
"""Of a picture that one pass paints as a whole, per pixel: read, painted and written."""


def large_photo(content: Source, settings: Settings) -> LargePhoto | None:
    """Return a photo that one pass paints in windows, in the size of its pastiche; None for any other.

    It is a TIFF or PNG file of which the pastiche would not fit into memory, or is larger than others may be.

    Raises:
        ImageError: it cannot be read in windows.
        SettingError: it is that large, but the settings ask for what needs all of it at once.
    """
    if isinstance(content, LargePhoto):  # opened by whoever shares the windows out
        return content
    return photo_in_windows(content, settings) if is_painted_in_windows(content, settings) else None


def is_painted_in_windows(content: Source, settings: Settings) -> bool:
    """Return whether a file's pastiche is painted in windows; errors are `large_photo`'s."""
    if settings.method != "onepass" or settings.refine or not is_windowed(content):
        return False
    shape = _fitted(stored_shape(content), settings)
    most = most_pixels(machine.free_memory(), WHOLE_BYTES)
    return math.prod(shape) > most or max(shape) > LARGEST_SIZE


def photo_in_windows(content: Source, settings: Settings) -> LargePhoto:
    """Return a photo in windows, whatever memory there is; errors are `large_photo`'s."""
    photo = LargePhoto(content)
    return photo.resized(_fitted(photo.full_shape, settings))


def read_photo(content: Source, settings: Settings) -> Picture:
    """Return a photo in the size of its pastiche; of a huge TIFF file no more than that is ever held.

    Raises:
        ImageError: it cannot be read, or is too small for the method.
        SettingError: the pastiche would be too large.
    """
    if is_huge(content):
        large = LargePhoto(content)
        try:
            return large.resized(paintable_shape(large.full_shape, settings)).picture()
        finally:
            large.close()
    picture = picture_for(content, settings)
    return picture.resized(final_shape(picture, settings))


def result_shape(content: Source, settings: Settings) -> tuple[int, int]:
    """Return the (height, width) of a photo's result; errors are `read_photo`'s."""
    if is_huge(content):
        large = LargePhoto(content)
        large.close()
        return paintable_shape(large.full_shape, settings)
    return final_shape(picture_for(content, settings), settings)


def picture_for(content: Source, settings: Settings) -> Picture:
    """Return a photo that is not huge, no larger than its pastiche needs it; errors are `read_photo`'s."""
    size = None if settings.fit == "stretch" else settings.max_size
    least = ONEPASS_MINIMUM_SIDE if _in_one_pass(settings) else MINIMUM_SIDE
    return read_picture(content, max_size=size, least=least)


def final_shape(photo: Picture, settings: Settings) -> tuple[int, int]:
    """Return the (height, width) of a photo's result; errors are `read_photo`'s."""
    return paintable_shape(photo.shape, settings)


def paintable_shape(shape: tuple[int, int], settings: Settings) -> tuple[int, int]:
    """Return the `fitted_shape`, unless it is too small for the method."""
    fitted = fitted_shape(shape, settings)
    if _in_one_pass(settings):
        from impasto.onepass.painter import check_shape

        check_shape(fitted)
    return fitted


def _in_one_pass(settings: Settings) -> bool:
    return settings.method == "onepass" and not settings.is_photo_itself


def fitted_shape(shape: tuple[int, int], settings: Settings) -> tuple[int, int]:
    """Return the (height, width) of the result of a photo of a (height, width), which is held in memory.

    Raises:
        SettingError: it is larger than what may be held.
    """
    height, width = _fitted(shape, settings)
    if max(height, width) <= LARGEST_SIZE and height * width <= MAXIMUM_PIXELS:
        return height, width
    raise SettingError(
        "a result of {width} x {height} px is made in windows only, by {method} without refine of a photo "
        "that is a TIFF or PNG file; choose these, or {max_size} {size} or less",
        width=width,
        height=height,
        method=Argument("method=onepass"),
        max_size=Argument("max_size"),
        size=min(LARGEST_SIZE, int(max(height, width) * math.sqrt(MAXIMUM_PIXELS / (height * width)))),
    )


def _fitted(shape: tuple[int, int], settings: Settings) -> tuple[int, int]:
    if settings.fit == "stretch":
        return settings.max_size, settings.max_size
    return fit(shape, settings.max_size)
