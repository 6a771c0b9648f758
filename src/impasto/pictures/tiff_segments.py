"""TIFF in parts: a file of the segments that a window touches, which is read as any other TIFF.

A picture in TIFF lies in segments, tiles or strips of whole rows, each compressed for itself. Those that
cover a part of the picture, with the tags that say how they are to be decoded, are a TIFF of that part. So a
part of a huge picture is decoded by what decodes small pictures, whatever its kind, and no pixel beyond the
segments is looked at. Of pixels that are not compressed exactly the window is taken.

Reference: TIFF 6.0 (Adobe, 1992), sections 2 and 15; BigTIFF.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from impasto.errors import ImageError, Message
from impasto.pictures.color_declarations import declared_by_exif
from impasto.pictures.decoding import Declared, Pixels, decode, decode_samples, tiff_exif
from impasto.pictures.reading import open_header
from impasto.pictures.tiff import ICC_PROFILE, YCBCR, find_page, find_photo

DECODING_TAGS = frozenset((
    258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 332, 334, 338, 339, 347, 530, 531, 532, 34675,
))  # fmt: skip
"""Tags that say how segments are decoded and what their numbers mean."""
LONG = 4
"""The type of 32 bit numbers."""
CLASSIC_TYPES = range(1, 14)
MOST_PART_BYTES = 512 * 2**20
"""Of the segments that one window touches, decoded."""


class SegmentedTiff:
    """A TIFF file that is read in parts.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        ImageError: it has no picture of full resolution, is a raw photo, or is cut short.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.file = path.open("rb")
        self.page, self.pages = find_page(self.file, name)
        page = self.page
        self.shape = int(page.imagelength), int(page.imagewidth)
        ends = np.asarray(page.dataoffsets, np.int64) + np.asarray(page.databytecounts, np.int64)
        self.file.seek(0, 2)
        if not len(ends) or ends.max() > self.file.tell() or not all(page.databytecounts):
            self._cut_short()
        self.tiled = bool(page.is_tiled)
        self.segment = (
            (int(page.tilelength), int(page.tilewidth))
            if self.tiled
            else (min(int(page.rowsperstrip), self.shape[0]), self.shape[1])
        )
        self._grid = [-(-side // step) for side, step in zip(self.shape, self.segment, strict=True)]
        self._planes = int(page.samplesperpixel) if page.planarconfig == 2 else 1
        if min(self.segment) < 1 or len(ends) < math.prod(self._grid) * self._planes:
            self._cut_short()

    def place(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Return the rows and columns of the part that covers a window, as `part` takes them."""
        if self._plain:
            return rows, columns
        height, width = self.segment
        return (
            slice(rows.start // height * height, min(-(-rows.stop // height) * height, self.shape[0])),
            slice(columns.start // width * width, min(-(-columns.stop // width) * width, self.shape[1])),
        )

    def part(self, rows: slice, columns: slice) -> bytes:
        """Return a TIFF of a part of the picture.

        Args:
            rows: of the picture as it lies in the file, as `place` has them.
            columns: the same.
        """
        if self._plain:
            return self._exactly(rows, columns)
        (height, width), (down, across) = self.segment, self._grid
        indices = [
            (plane * down + row) * across + column
            for plane in range(self._planes)
            for row in range(rows.start // height, -(-rows.stop // height))
            for column in range(columns.start // width, -(-columns.stop // width))
        ]
        shape = rows.stop - rows.start, columns.stop - columns.start
        return self._assembled(shape, (self._data(index) for index in indices))

    @property
    def may_be_transparent(self) -> bool:
        """Whether the file has a channel for it."""
        return bool(self.page.extrasamples)

    def described(self, notes: list[str]) -> tuple[Declared, bytes | None, int]:
        """Return what the colors are declared to be, the EXIF block and the orientation.

        Args:
            notes: gets a sentence if the tags are damaged.
        """
        tags, exif, orientation = tiff_exif(self.file, self.page, self.name, notes)
        profile = self.page.tags.get(ICC_PROFILE)
        return bytes(profile.value) if profile is not None else declared_by_exif(tags), exif, orientation

    def decoded(self, place: tuple[slice, slice], declared: Declared, notes: list[str]) -> Pixels:
        """Return color and alpha of a part of the picture.

        Args:
            place: of `place`.
            declared: what the colors are declared to be.
            notes: gets a sentence for whatever had to be decided.
        """
        data = self.part(*place)
        photo = find_photo(data, self.name)
        if not photo.by_pillow():
            return decode_samples(photo.samples(), declared, self.name, notes)
        image = open_header(data, self.name)
        return decode(image, lambda: open_header(data, self.name), declared, self.name, photo.shape, notes)

    def check_parts(self, side: int) -> None:
        """Refuse a file of which windows cannot be read without much of the rest.

        Args:
            side: of the windows in pixels.

        Raises:
            ImageError: the segments are too large.
        """
        page, (height, width) = self.page, self.segment
        if self._plain:
            return
        rows = min(side + 2 * height - 2, self.shape[0])
        columns = min(side + 2 * width - 2, self.shape[1])
        bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
        size = rows * columns * int(page.samplesperpixel) * max(1, bits // 8)
        if size > MOST_PART_BYTES:
            kind = Message("tiles") if self.tiled else Message("strips")
            raise ImageError(
                "{name} is compressed in {kind} of {width} x {height} px, too large to be read in windows; "
                "save it as a TIFF in tiles of 512 x 512 px",
                name=self.name,
                kind=kind,
                width=width,
                height=height,
            )

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    @property
    def _plain(self) -> bool:
        """Whether pixels lie in rows of whole bytes, not compressed, so that any window can be cut out."""
        page = self.page
        whole_bytes = isinstance(page.bitspersample, int) and page.bitspersample % 8 == 0
        return (
            not self.tiled
            and page.compression == 1
            and page.predictor == 1
            and page.fillorder == 1
            and page.photometric != YCBCR
            and whole_bytes
        )

    def _data(self, index: int) -> bytes:
        return self._read(self.page.dataoffsets[index], self.page.databytecounts[index])

    def _read(self, start: int, count: int) -> bytes:
        self.file.seek(start)
        data = self.file.read(count)
        if len(data) < count:
            self._cut_short()
        return data

    def _exactly(self, rows: slice, columns: slice) -> bytes:
        """Return a TIFF of exactly a window of pixels that are not compressed."""
        page, (height, width) = self.page, self.segment
        samples = 1 if self._planes > 1 else int(page.samplesperpixel)
        size = samples * page.bitspersample // 8
        planes = []
        for plane in range(self._planes):
            lines = []
            for row in range(rows.start, rows.stop):
                strip, line = divmod(row, height)
                start = page.dataoffsets[plane * self._grid[0] + strip] + line * width * size
                lines.append(self._read(start + columns.start * size, (columns.stop - columns.start) * size))
            planes.append(b"".join(lines))
        return self._assembled((rows.stop - rows.start, columns.stop - columns.start), planes)

    def _assembled(self, shape: tuple[int, int], segments: Iterable[bytes]) -> bytes:
        """Return a TIFF of segments, in the byte order of the file."""
        order = self.page.parent.byteorder
        data, height, width = list(segments), *shape
        tags: dict[int, tuple[int, int, bytes]] = {}

        def put(code: int, *values: int) -> None:
            tags[code] = LONG, len(values), struct.pack(f"{order}{len(values)}I", *values)

        for code in DECODING_TAGS:
            tag = self.page.tags.get(code)
            if tag is not None and int(tag.dtype) in CLASSIC_TYPES:
                tags[code] = int(tag.dtype), tag.count, self._read(tag.valueoffset, tag.valuebytecount)
        put(256, width)
        put(257, height)
        starts = np.cumsum([0, *(len(segment) for segment in data)]).tolist()
        offsets, counts = (324, 325) if self.tiled else (273, 279)
        if self.tiled:
            put(322, self.segment[1])
            put(323, self.segment[0])
        else:
            put(278, height if self._plain else self.segment[0])
        put(counts, *(len(segment) for segment in data))
        put(offsets, *starts[:-1])
        directory_size = 8 + 2 + 12 * len(tags) + 4
        beyond = sum(len(raw) + len(raw) % 2 for _, _, raw in tags.values() if len(raw) > 4)
        put(offsets, *(start + directory_size + beyond for start in starts[:-1]))
        return b"".join([_head(tags, order), *data])

    def _cut_short(self) -> Any:
        raise ImageError(
            "{name} is damaged or cut short: its pixels end before the picture does", name=self.name
        )


def _head(tags: dict[int, tuple[int, int, bytes]], order: str) -> bytes:
    """Return a TIFF's header, its directory and the values that do not fit into that."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    entries, beyond = [struct.pack(f"{order}4sIH", magic, 8, len(tags))], b""
    start = 8 + 2 + 12 * len(tags) + 4
    for code, (kind, count, raw) in sorted(tags.items()):
        value = raw.ljust(4, b"\0")
        if len(raw) > 4:
            value = struct.pack(f"{order}I", start + len(beyond))
            beyond += raw + b"\0" * (len(raw) % 2)
        entries.append(struct.pack(f"{order}HHI4s", code, kind, count, value))
    return b"".join([*entries, struct.pack(f"{order}I", 0), beyond])
