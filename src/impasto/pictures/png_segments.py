"""PNG in parts: a file of the rows that a window touches, which is read as any other PNG.

The pixels of a PNG are one stream: rows, each told by its differences to the row above, then deflated. It is
read forward, in strips of rows. At the beginning of each strip there stays what the rest can be read with:
the state of the inflation and the row above. Rows from there on, after that row, are a PNG of that part. So a
part of a huge picture is decoded by what decodes small pictures, whatever its kind. Only interlaced pictures,
whose rows come seven times over, cannot be read so.

Reference: PNG (W3C, third edition, 2025), sections 5, 9 and 10.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from impasto.errors import ImageError
from impasto.pictures.color_declarations import PNG_HEAD, declared_colors
from impasto.pictures.decoding import Declared, Pixels, decode, deep_samples, read_exif
from impasto.pictures.reading import open_header

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of each color type."""
ALIASES = {1: 0, 2: 4, 3: 2, 4: 6}
"""The color type of 8 bits whose pixels have so many bytes."""
STRIP_BYTES = 2**24
"""Of the rows of a strip."""
PIECE = 2**18
"""Compressed bytes that are taken in at once."""
MOST_PART_BYTES = 512 * 2**20
"""Of the rows that one window touches."""
ANIMATION = (b"acTL", b"fcTL", b"fdAT")


@dataclass
class _Stream:
    """The rows of a PNG with their filters, read forward.

    Attributes:
        file: the PNG.
        place: where the next chunk begins, or the rest of the one that is being read.
        left: bytes of that rest.
        rest: compressed bytes that were read and not used yet.
        inflation: what undoes the compression, with what it remembers.
    """

    file: IO[bytes]
    place: int
    left: int = 0
    rest: bytes = b""
    inflation: Any = None

    def copy(self) -> _Stream:
        """Return another reader that goes on from here."""
        return replace(self, inflation=self.inflation.copy())

    def read(self, size: int) -> bytes:
        """Return the next bytes.

        Raises:
            EOFError: there are not so many.
        """
        parts, missing = [], size
        while missing:
            piece = self.inflation.decompress(self.rest, missing)
            self.rest = self.inflation.unconsumed_tail
            if piece:
                parts.append(piece)
                missing -= len(piece)
            elif not self.rest:
                self.rest = self._next()
        return b"".join(parts)

    def _next(self) -> bytes:
        while not self.left:
            self.file.seek(self.place)
            length, kind = struct.unpack(">I4s", self.file.read(8).ljust(8, b"\0"))
            if kind != b"IDAT" or self.inflation.eof:
                raise EOFError("its pixels end before the picture does")
            self.place, self.left = self.place + 8, length
            if not length:
                self.place += 4
        self.file.seek(self.place)
        piece = self.file.read(min(PIECE, self.left))
        if not piece:
            raise EOFError("its pixels end before the picture does")
        self.place, self.left = self.place + len(piece), self.left - len(piece)
        if not self.left:
            self.place += 4  # the checksum
        return piece


class SegmentedPng:
    """A PNG file that is read in parts, strips of whole rows; see `SegmentedTiff`.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        ImageError: it is interlaced.
    """

    tiled = False

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.file = path.open("rb")
        head, self._chunks, first = _chunks(self.file)
        width, height, self._depth, self._type, _, _, interlaced = struct.unpack(">IIBBBBB", head)
        if interlaced:
            raise ImageError(
                "{name} is interlaced, and cannot be read in windows; save it without interlacing", name=name
            )
        bits = CHANNELS[self._type] * self._depth
        self.shape = height, width
        self._pixel, self._line = max(1, bits // 8), -(-width * bits // 8)
        self.segment = min(height, max(1, STRIP_BYTES // (self._line + 1))), width
        start = _Stream(self.file, first, inflation=zlib.decompressobj())
        self._marks = [(start, b"")]

    @property
    def may_be_transparent(self) -> bool:
        """Whether the file has a channel for it, or a color."""
        return self._type in (4, 6) or b"tRNS" in dict(self._chunks)

    def described(self, notes: list[str]) -> tuple[Declared, bytes | None, int]:
        """Return what the colors are declared to be, the EXIF block and the orientation."""
        samples = bytes(1 + self._pixel)
        data = self._assembled((1, 1), [samples], (self._depth, self._type), self._chunks)
        image = open_header(data, self.name)
        return declared_colors(image, data, self.name, notes), *read_exif(image, self.name, notes)

    def check_parts(self, side: int) -> None:
        """Refuse a picture whose rows are so long that windows take too much.

        Args:
            side: of the windows in pixels.
        """
        rows = min(side + 2 * self.segment[0] - 2, self.shape[0])
        if rows * self._line > MOST_PART_BYTES:
            raise ImageError(
                "{name} has rows of {width} px, too long to be read in windows; save it as a TIFF in tiles "
                "of 512 x 512 px",
                name=self.name,
                width=self.shape[1],
            )

    def place(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Return the rows and columns of the part that covers a window, as `decoded` takes them."""
        step = self.segment[0]
        return slice(rows.start // step * step, rows.stop), slice(0, self.shape[1])

    def decoded(self, place: tuple[slice, slice], declared: Declared, notes: list[str]) -> Pixels:
        """Return color and alpha of a part of the picture.

        Args:
            place: of `place`.
            declared: what the colors are declared to be.
            notes: gets a sentence for whatever had to be decided.
        """
        rows = place[0]
        stream, above = self._mark(rows.start // self.segment[0])
        first = 1 if above else 0
        shape = rows.stop - rows.start + first, self.shape[1]
        data = self._filtered(stream.copy(), above, rows.stop - rows.start)
        part = self._assembled(shape, data, (self._depth, self._type), self._chunks)
        del data
        color, alpha = decode(
            open_header(part, self.name),
            lambda: open_header(part, self.name),
            declared,
            self.name,
            shape,
            notes,
        )
        return color[first:], None if alpha is None else alpha[first:]

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _filtered(self, stream: _Stream, above: bytes, count: int) -> list[bytes]:
        """Return the bytes of rows with their filters, the one above them, as it is, before them."""
        return [b"\0" + above if above else b"", stream.read(count * (self._line + 1))]

    def _mark(self, strip: int) -> tuple[_Stream, bytes]:
        """Return what reads on from the beginning of a strip, and the row above."""
        while len(self._marks) <= strip:
            stream, above = self._marks[-1]
            stream = stream.copy()
            data = self._filtered(stream, above, self.segment[0])
            self._marks.append((stream, self._last_of(data, self.segment[0] + (1 if above else 0))))
        return self._marks[strip]

    def _last_of(self, data: list[bytes], count: int) -> bytes:
        """Return the bytes of the last one of so many rows.

        The rows are read as a picture whose pixels have as many bytes, as that is what filters look at.
        """
        if self._pixel in ALIASES:
            shape = count, self._line // self._pixel
            alias = self._assembled(shape, data, (8, ALIASES[self._pixel]))
            return bytes(np.asarray(open_header(alias, self.name))[-1].tobytes())
        part = self._assembled((count, self.shape[1]), data, (self._depth, self._type))
        samples = deep_samples(open_header(part, self.name), lambda: open_header(part, self.name), self.name)
        if samples is None:
            raise ImageError("{name} is of a kind that cannot be read in windows", name=self.name)
        color, alpha = samples
        last = color[-1] if alpha is None else np.concatenate([color[-1], alpha[-1, :, None]], axis=1)
        return bytes(last.astype(">u2").tobytes())

    def _assembled(
        self,
        shape: tuple[int, int],
        data: list[bytes],
        kind: tuple[int, int],
        chunks: list[tuple[bytes, bytes]] | None = None,
    ) -> bytes:
        """Return a PNG.

        Args:
            shape: (height, width).
            data: the rows with their filters.
            kind: depth and color type.
            chunks: what else is said of the picture.
        """
        head = struct.pack(">IIBBBBB", shape[1], shape[0], *kind, 0, 0, 0)
        deflation = zlib.compressobj(0)
        pixels = [*map(deflation.compress, data), deflation.flush()]
        parts = [(b"IHDR", [head]), *((k, [v]) for k, v in chunks or []), (b"IDAT", pixels), (b"IEND", [])]
        return b"".join([PNG_HEAD, *(piece for part in parts for piece in _chunk(*part))])


def _chunk(kind: bytes, data: list[bytes]) -> list[bytes]:
    checksum = zlib.crc32(kind)
    for piece in data:
        checksum = zlib.crc32(piece, checksum)
    return [struct.pack(">I", sum(map(len, data))), kind, *data, struct.pack(">I", checksum)]


def _chunks(file: IO[bytes]) -> tuple[bytes, list[tuple[bytes, bytes]], int]:
    """Return a PNG's header, the chunks that say something of its pixels, and where these begin.

    Raises:
        EOFError: it is cut short.
    """
    size, place, first = file.seek(0, 2), len(PNG_HEAD), 0
    chunks: list[tuple[bytes, bytes]] = []
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            raise EOFError("its chunks end before the picture does")
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            break
        if place + 12 + length > size:
            raise EOFError("its chunks end before the picture does")
        if kind == b"IDAT":
            first = first or place
        elif kind not in ANIMATION:
            chunks.append((kind, file.read(length)))
        place += 12 + length
    if not first or chunks[0][0] != b"IHDR":
        raise EOFError("it has no pixels")
    return chunks[0][1], chunks[1:], first


def png_head(data: bytes) -> tuple[tuple[int, int], bool] | None:
    """Return a PNG's (height, width) and whether it is interlaced, by its first 29 bytes; None for others."""
    if len(data) < 29 or not data.startswith(PNG_HEAD) or data[12:16] != b"IHDR":
        return None
    width, height, interlaced = struct.unpack_from(">II4xB", data, 16)
    return (height, width), bool(interlaced)
