"""Large pictures outward: a BigTIFF in tiles, written tile by tile, so that nobody holds the picture.

The directory of tags lies before the tiles, in a place that is kept for it: its size is known, and what it
says of them is filled in at the end. Recipe, EXIF data and the sRGB profile are where `writing.py` puts them
in any TIFF.

Reference: TIFF 6.0 (Adobe, 1992), sections 14 (differences) and 15 (tiles); BigTIFF (64 bit offsets).
"""

from __future__ import annotations

import math
import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin, TiffTags

from impasto.errors import OutputError, SettingError
from impasto.files import write_whole
from impasto.pictures.decoding import srgb_profile
from impasto.pictures.writing import OutputOptions, levels, photo_exif, unicode_text

Array = NDArray[Any]
START = 16
"""Where the directory lies: behind the header."""
TILE_OFFSETS, TILE_BYTES = 324, 325
EFFORT = 3
"""Of zlib: higher ones take twice the time for a hundredth of the bytes."""
SUFFIXES = (".tif", ".tiff")


def check_large_output(path: str | Path, shape: tuple[int, int], *, bit_depth: int, alpha: bool) -> None:
    """Return if a picture written in tiles may go there; to be asked before any computation.

    Args:
        path: where to.
        shape: (height, width) of the picture.
        bit_depth: 8 or 16.
        alpha: whether it has transparent parts.

    Raises:
        SettingError: the name is not a TIFF's.
        OutputError: the disk has not enough space.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise SettingError(
            "a picture of {width} x {height} px is painted in windows and written as TIFF; end the output's "
            "name in .tif, not {suffix!r}",
            width=shape[1],
            height=shape[0],
            suffix=path.suffix,
        )
    needed = math.prod(shape) * (4 if alpha else 3) * bit_depth // 8
    free = shutil.disk_usage(os.path.realpath(path.parent)).free
    if free < needed:
        raise OutputError(
            "{path} may need {needed:.1f} GiB, but its disk has {free:.1f} GiB free; choose another place",
            path=path,
            needed=needed / 2**30,
            free=free / 2**30,
        )


@dataclass
class TilesPart:
    """A picture of which some tiles are written, in a file of its own, to be gone on with.

    Attributes:
        path: the file, on the disk of the picture's.
        ends: where in it its directory ends, and each of its tiles; nothing if it is to be begun.
    """

    path: Path
    ends: list[int] = field(default_factory=list)
    _file: IO[bytes] | None = field(default=None, repr=False)

    @classmethod
    def resumed(cls, path: Path, ends: Sequence[int]) -> TilesPart:
        """Return what is there of a part that had so many tiles; nothing, if it has been lost meanwhile."""
        whole = bool(ends) and os.path.isfile(path) and path.stat().st_size >= ends[-1]
        return cls(path, list(ends) if whole else [])

    @property
    def count(self) -> int:
        """How many tiles are written."""
        return max(0, len(self.ends) - 1)

    def settle(self) -> None:
        """Bring what is written to the disk, so that `ends` holds whatever happens to the machine."""
        if self._file is None:
            return
        if not self._file.closed:
            self._file.flush()
        with self.path.open("r+b") as file:
            os.fsync(file.fileno())

    def taken_up(self, file: IO[bytes]) -> None:
        """Be written to the file from now on; what is beyond the last whole tile is cut off."""
        self._file = file
        file.truncate(self.ends[-1] if self.ends else 0)


@dataclass(frozen=True)
class Tiling:
    """A picture in tiles.

    Attributes:
        shape: (height, width) of the picture.
        tile: (height, width) of the tiles, multiples of 16.
        alpha: whether the picture has transparent parts.
    """

    shape: tuple[int, int]
    tile: tuple[int, int]
    alpha: bool = False


def write_tiles(
    path: str | Path,
    tiles: Iterable[tuple[Array, Array | None] | bytes],
    tiling: Tiling,
    options: OutputOptions,
    part: TilesPart | None = None,
) -> list[str]:
    """Write a picture tile by tile; whatever happens before the last one, nothing half-written has its name.

    Args:
        path: where to: a TIFF.
        tiles: pixels (h, w, 3), sRGB, values beyond [0, 1] are clipped, and alpha (h, w) or None of each
            tile, or it as of `encoded_tile`, row by row; those at the right and lower border are as large as
            the picture is there. Those that a part has already are left out.
        tiling: how the picture is divided.
        options: metadata and depth; its alpha is not looked at.
        part: where the picture is until it is whole, and stays if it does not become so; nothing stays if
            None.

    Returns:
        Sentences without a full stop about what the file could not hold.

    Raises:
        OutputError: the file exists or cannot be written, or the part is another picture's.
    """
    notes: list[str] = []
    if options.recipe is not None:
        options = replace(options, recipe=unicode_text(options.recipe))
    exif = photo_exif(options, tiling.shape, "TIFF", notes)
    tags = {tag: exif[tag] for tag in exif if exif[tag]}

    def write(file: IO[bytes]) -> None:
        picture = _TiledTiff(file, tags, tiling, options.bit_depth, part or TilesPart(Path(path)))
        for one in tiles:
            picture.add(one)
        picture.finish()

    write_whole(Path(path), write, overwrite=options.overwrite, part=part.path if part else None)
    return notes


def encoded_tile(pixels: Array, alpha: Array | None, tile: tuple[int, int], bits: int) -> bytes:
    """Return a tile as it lies in the file: deflate after horizontal differences.

    Args:
        pixels: float (h, w, 3), sRGB, no larger than the tile; values beyond [0, 1] are clipped.
        alpha: float (h, w), or None in a picture without transparent parts.
        tile: (height, width).
        bits: 8 or 16 of each number.
    """
    values = levels(pixels, alpha, 2**bits - 1)
    height, width = tile
    missing = height - values.shape[0], width - values.shape[1]
    values = np.pad(values, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    differences = np.diff(values, axis=1, prepend=np.zeros((height, 1, values.shape[2]), values.dtype))
    return zlib.compress(differences.astype(values.dtype.newbyteorder("<")).tobytes(), EFFORT)


def tile_alpha(pixels: Array, alpha: Array | None, transparent: bool) -> Array | None:
    """Return the alpha of a tile as its picture has it, float (h, w): of one without transparent parts none.

    Args:
        pixels: of the tile, (h, w, 3).
        alpha: the tile's own, or None if all of it is opaque.
        transparent: whether the picture has transparent parts.
    """
    if not transparent:
        return None
    return np.ones(pixels.shape[:2], np.float32) if alpha is None else alpha


class _TiledTiff:
    """A BigTIFF on its way into a file."""

    def __init__(
        self, file: IO[bytes], tags: dict[int, Any], tiling: Tiling, bits: int, part: TilesPart
    ) -> None:
        shape, tile, alpha = tiling.shape, tiling.tile, tiling.alpha
        self._file, self._tile, self._bits, self._alpha, self._part = file, tile, bits, alpha, part
        self._count = math.prod(-(-side // step) for side, step in zip(shape, tile, strict=True))
        channels = 4 if alpha else 3
        self._tags = tags | {256: shape[1], 257: shape[0], 258: (bits,) * channels, 259: 8, 262: 2}
        self._tags |= {277: channels, 284: 1, 317: 2, 322: tile[1], 323: tile[0], 34675: srgb_profile()}
        if alpha:
            self._tags[338] = 2  # the alpha is not multiplied into the colors
        head = struct.pack("<4sHHQ", b"II+\0", 8, 0, START) + self._directory([])
        part.taken_up(file)
        if not part.ends:
            part.ends.append(file.write(head))
        elif file.read(len(head)) != head or part.ends[0] != len(head):
            raise OutputError("{path} is not the unfinished picture of this run; remove it", path=part.path)
        file.seek(0, os.SEEK_END)

    def add(self, tile: tuple[Array, Array | None] | bytes) -> None:
        """Write the next tile."""
        if isinstance(tile, bytes):
            data = tile
        else:
            pixels, alpha = tile
            data = encoded_tile(pixels, tile_alpha(pixels, alpha, self._alpha), self._tile, self._bits)
        self._file.write(data)
        self._part.ends.append(self._part.ends[-1] + len(data))

    def finish(self) -> None:
        """Say where the tiles are."""
        self._file.seek(START)
        self._file.write(self._directory(self._part.ends))
        self._file.seek(0, os.SEEK_END)

    def _directory(self, ends: Sequence[int]) -> bytes:
        """Return the directory; its size does not depend on what is known of the tiles yet."""
        directory = TiffImagePlugin.ImageFileDirectory_v2(
            ifh=struct.pack("<4sHHQ", b"II+\0", 8, 0, START), prefix=b"II"
        )
        missing = (0,) * (self._count - max(0, len(ends) - 1))
        sizes = (stop - start for start, stop in pairwise(ends))
        lists = {TILE_OFFSETS: (*ends[:-1], *missing), TILE_BYTES: (*sizes, *missing)}
        for tag in lists:
            directory.tagtype[tag] = TiffTags.LONG8
        for tag, value in (self._tags | lists).items():
            directory[tag] = value
        return bytes(directory.tobytes(START))
