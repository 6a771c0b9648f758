"""TIFF: what its tags say, before any pixel is decoded, and the kinds that Pillow reads wrongly or not.

A TIFF file is a chain of directories of tags, each with a picture; some have further ones below them. The
photo is the first picture of full resolution, not always the first one; and its tags say what a sample is.
Pillow knows the kinds of 8 bits and less. Of the others it has some, reads some as garbage without a word
(16 bits in separate planes), and takes the thumbnail of a raw photo for the photo; tifffile reads them here.

Reference: TIFF 6.0 (Adobe, 1992); TIFF Technical Note 1 (1995) on SubIFDs; DNG 1.7 (Adobe, 2023).
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError

Array = NDArray[Any]
MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, MASK, CMYK, YCBCR, CIELAB = 0, 1, 2, 3, 4, 5, 6, 8
RAW_PHOTOMETRICS = (32803, 34892)
"""A color filter array, and what a camera saw in linear light."""
DNG_VERSION, ICC_PROFILE = 50706, 34675
REDUCED, TRANSPARENCY_MASK = 1, 4
"""Bits of NewSubfileType: a smaller version of another picture, and a mask for one."""
COLORS = {WHITE_IS_0: 1, BLACK_IS_0: 1, RGB: 3, CMYK: 4}
ASSOCIATED, UNASSOCIATED = 1, 2
UNPACKED = (1, 8, 32946, 32773, 34925)
"""Compressions that tifffile undoes without further packages: none, deflate (two numbers), PackBits, LZMA;
of the predictors it undoes that of integers."""
MOST_PAGES = 1000


@dataclass(frozen=True)
class TiffPhoto:
    """The photo in a TIFF file.

    Attributes:
        name: what messages call it.
        data: the file, with the photo's directory as its first.
        page: tifffile's view of the directory.
        pages: how many pictures of full resolution the file has.
    """

    name: str
    data: bytes
    page: Any
    pages: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) as it lies in the file."""
        return int(self.page.imagelength), int(self.page.imagewidth)

    @property
    def profile(self) -> bytes | None:
        """The ICC profile."""
        tag = self.page.tags.get(ICC_PROFILE)
        return bytes(tag.value) if tag is not None else None

    @property
    def kind(self) -> str:
        """The picture in words."""
        page = self.page
        names = {1: "unsigned", 2: "signed", 3: "floating"}
        planes = " in separate planes" if page.planarconfig == 2 and page.samplesperpixel > 1 else ""
        photometric = str(getattr(page.photometric, "name", page.photometric)).lower()
        compression = str(getattr(page.compression, "name", page.compression))
        return (
            f"{page.samplesperpixel} samples of {page.bitspersample} bits "
            f"({names.get(page.sampleformat, 'other')}, {photometric}, compression {compression}){planes}"
        )

    def by_pillow(self) -> bool:
        """Return whether Pillow reads it rightly, or False if `samples` does.

        Raises:
            ImageError: nobody does.
        """
        page, bits = self.page, self.page.bitspersample
        bits = bits if isinstance(bits, int) else 0  # samples of several depths
        extra = page.samplesperpixel - COLORS.get(page.photometric, page.samplesperpixel)
        contiguous = page.planarconfig == 1 or page.samplesperpixel == 1
        known = page.photometric in COLORS and page.sampleformat in (1, 3) and extra >= 0
        whole_bytes = bits in (8, 16, 32) or (bits == 64 and page.sampleformat == 3)
        unpacked = page.compression in UNPACKED and page.predictor in (1, 2)
        if known and unpacked and whole_bytes:
            plain = bits == 8 and contiguous and extra <= (page.photometric in (BLACK_IS_0, RGB))
            return plain and page.sampleformat == 1
        if page.sampleformat == 1 and page.photometric in (*COLORS, PALETTE, YCBCR, CIELAB):
            if 1 <= bits <= 8 and (contiguous or page.photometric in (RGB, YCBCR)):
                return True
            if bits == 16 and page.photometric == RGB:  # separate planes: the high bytes
                return True
        if (page.photometric, page.samplesperpixel) == (BLACK_IS_0, 1) and (page.sampleformat, bits) in (
            (1, 12),
            (1, 16),
            (3, 32),
        ):
            return True
        raise ImageError(
            "{name} is a TIFF of a kind that is not supported ({kind}); save it uncompressed, as "
            "gray or RGB of 8 or 16 bits",
            name=self.name,
            kind=self.kind,
        )

    def samples(self) -> tuple[Array, Array | None]:
        """Return color (height, width[, 3 or 4 for CMYK]) and alpha or None, of the file's type.

        Raises:
            ImageError: the file is cut short.
        """
        page = self.page
        ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if not ends or max(ends) > len(self.data) or not all(page.databytecounts):
            raise ImageError(
                "{name} is damaged or cut short: its pixels end before the picture does", name=self.name
            )
        values = page.asarray(maxworkers=1).reshape(
            (*self.shape, page.samplesperpixel)
            if page.planarconfig == 1
            else (page.samplesperpixel, *self.shape)
        )
        if page.planarconfig != 1:
            values = np.moveaxis(values, 0, 2)
        colors = COLORS[page.photometric]
        color, alpha = values[..., :colors], self._alpha(values, colors)
        if page.photometric == WHITE_IS_0:
            color = (1 if color.dtype.kind == "f" else np.iinfo(color.dtype).max) - color
        if alpha is not None and page.extrasamples and page.extrasamples[0] == ASSOCIATED:
            color = _divided(color, alpha)
        return (color[..., 0] if colors == 1 else color), alpha

    def _alpha(self, values: Array, colors: int) -> Array | None:
        """Return the first extra sample if it is alpha; one that nothing is said of is, as Pillow has it."""
        if values.shape[2] == colors:
            return None
        kinds = tuple(int(kind) for kind in self.page.extrasamples)
        said = kinds[0] in (ASSOCIATED, UNASSOCIATED) if kinds else values.shape[2] == colors + 1
        return values[..., colors] if said else None


def _divided(color: Array, alpha: Array) -> Array:
    """Return colors without the alpha multiplied into them (TIFF 6, section 18), float32 in [0, 1]."""
    full = 1 if color.dtype.kind == "f" else np.iinfo(color.dtype).max
    opacity = (alpha.astype(np.float32) / np.float32(full))[..., None]
    divided = color.astype(np.float32) / np.float32(full) / np.maximum(opacity, 1e-6)
    return np.asarray(np.clip(divided, 0, 1))


def is_tiff(data: bytes) -> bool:
    """Return whether a file begins as TIFF or BigTIFF does."""
    return data[:4] in MAGICS


def find_photo(data: bytes, name: str) -> TiffPhoto:
    """Return the first picture of full resolution in a TIFF file; errors are `find_page`'s.

    Args:
        data: the whole file.
        name: what messages call it.
    """
    page, pages = find_page(io.BytesIO(data), name)
    return TiffPhoto(name, _led_by(data, page.offset), page, pages)


def find_page(file: BinaryIO, name: str) -> tuple[Any, int]:
    """Return tifffile's view of the first picture of full resolution, and how many there are.

    Args:
        file: of which the tags are read.
        name: what messages call it.

    Raises:
        ImageError: it is a camera's raw photo, or has no picture of full resolution.
    """
    import tifffile

    logger = logging.getLogger("tifffile")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # what it says of damaged tags goes to no screen
    file.seek(0)
    pages = list(_pages(tifffile.TiffFile(file)))
    if not pages:
        raise ImageError("{name} is damaged or cut short: it has no directory of tags", name=name)
    file.seek(8)
    if file.read(2) == b"CR" or any(_is_raw(page) for page in pages):
        raise ImageError(
            "{name} is a camera's raw photo, which is not supported; develop it and save it as TIFF or JPEG",
            name=name,
        )
    full = [page for page in pages if not page.subfiletype & (REDUCED | TRANSPARENCY_MASK)]
    full = [page for page in full if page.photometric != MASK]
    if not full:
        raise ImageError(
            "{name} holds only thumbnails or masks, and no picture of full resolution", name=name
        )
    return full[0], len(full)


def _pages(file: Any) -> Iterator[Any]:
    """Yield the directories of the chain, each followed by those below it."""
    for index, page in enumerate(file.pages):
        if index == MOST_PAGES:
            return
        if not hasattr(page, "tags"):  # a frame that shares the first one's tags
            page = page.aspage()
        yield page
        if page.subifds:
            yield from (below for below in page.pages if hasattr(below, "tags"))


def _is_raw(page: Any) -> bool:
    return page.photometric in RAW_PHOTOMETRICS or DNG_VERSION in page.tags


def _led_by(data: bytes, offset: int) -> bytes:
    """Return the file with another first directory; Pillow reads no other one rightly."""
    order = "<" if data[:2] == b"II" else ">"
    place, form = (4, "I") if data[2:4] in (b"*\0", b"\0*") else (8, "Q")
    head = struct.pack(order + form, offset)
    if data[place : place + len(head)] == head:
        return data
    return data[:place] + head + data[place + len(head) :]
