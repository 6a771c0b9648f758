"""Pictures inward: files, Pillow images and arrays become float32 sRGB, upright, in [0, 1].

What comes from outside
is not trusted: what and how large a file is gets checked before its pixels are decoded, and whatever
Pillow raises leaves here as one sentence.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from impasto.errors import ImageError, Message, MissingFileError, did_you_mean
from impasto.layers import MINIMUM_SIDE
from impasto.pictures.color_declarations import declared_by_exif, declared_colors
from impasto.pictures.cutouts import INVISIBLE, fill_hidden, resize_visible
from impasto.pictures.decoding import (
    MAXIMUM_PIXELS,
    check_floats,
    count_frames,
    decode,
    decode_samples,
    pillow_errors,
    read_exif,
    reason,
    refusal,
    tiff_exif,
    unit,
    upright,
)
from impasto.pictures.reduction import Reduction
from impasto.pictures.tiff import TiffPhoto, find_page, find_photo, is_tiff
from impasto.settings import LARGEST_WINDOWED_SIZE, checked

Array = NDArray[Any]
PICTURE_SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".tif", ".tiff",
    ".bmp", ".gif", ".jp2", ".j2k", ".heic", ".heif",
))  # fmt: skip
"""Lower-case suffixes of files that may be pictures; the content decides, not the name."""
MAXIMUM_ASPECT = 100
MAXIMUM_BYTES = 2**30
PIXELS_PER_BYTE = 5_000
"""A large picture that claims more is a lie: a single color in PNG, 8 bit, has about 1,000."""
TO_TILES = "vips tiffsave PHOTO huge.tif --tile --compression deflate --bigtiff"
"""What makes of any photo one of which windows can be read; no library here reads windows of a JPEG."""
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "JPEG2000")
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc"}
READABLE = Message("JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF, JPEG 2000 and, with pillow-heif, HEIC")
READABLE_WITH_HEIF = Message("JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF, JPEG 2000 and HEIC")


@dataclass(frozen=True)
class Picture:
    """A picture as the rest of the product sees it.

    Attributes:
        pixels: float32 (height, width, 3), sRGB in [0, 1], upright; where alpha is 0 they continue what is
            visible around, whatever the file has there.
        alpha: float32 (height, width) in [0, 1], or None if every pixel is opaque.
        exif: the file's EXIF block as it was, or None.
        notes: sentences without a full stop about what the reader had to decide.
        name: the file's name, or ``array``.
        sha256: of the file's bytes, or of an array's values.
        full_shape: (height, width) of the picture, upright, before it was reduced.
    """

    pixels: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()
    name: str = "array"
    sha256: str = ""
    full_shape: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if not any(self.full_shape):
            height, width = self.pixels.shape[:2]
            object.__setattr__(self, "full_shape", (height, width))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def visible(self) -> NDArray[np.float32] | None:
        """How much each pixel counts: alpha, or None if all of it is opaque or nothing is visible."""
        return None if self.alpha is None or self.alpha.max() < INVISIBLE else self.alpha

    def resized(self, shape: tuple[int, int]) -> Picture:
        """Return it in another (height, width); itself if it has that."""
        if self.pixels.shape[:2] == tuple(shape):
            return self
        pixels, alpha = resize_visible(self.pixels, self.alpha, shape)
        return replace(self, pixels=fill_hidden(pixels, alpha), alpha=alpha)


@dataclass(frozen=True)
class _Decoded:
    """Color (h, w[, 1 or 3]) and alpha, upright, in the wanted size and of any type."""

    color: Array
    alpha: Array | None
    full_shape: tuple[int, int]
    exif: bytes | None = None
    notes: list[str] = field(default_factory=list)

    def picture(self, name: str, sha256: str) -> Picture:
        alpha = None if self.alpha is None else np.ascontiguousarray(unit(self.alpha))
        if alpha is not None and alpha.min() == 1:
            alpha = None
        pixels = fill_hidden(_three_channels(unit(self.color)), alpha)
        return Picture(pixels, alpha, self.exif, tuple(self.notes), name, sha256, self.full_shape)


def read_picture(
    source: str | Path | Image.Image | Array | Picture,
    *,
    max_size: int | None = None,
    least: int = MINIMUM_SIDE,
) -> Picture:
    """Return a picture from a file, a Pillow image or an array.

    Args:
        source: a path; a Pillow image; an array (height, width), (height, width, 1),
            (height, width, 3) or (height, width, 4) of uint8, uint16 or floats in [0, 1], taken as sRGB;
            or a picture that has been read before.
        max_size: larger pictures are reduced to this long side in pixels, 16 to 999999; None keeps them.
        least: pixels that the short side of one that is reduced must have, from 16 up.

    Raises:
        SettingError: ``max_size`` is no such number.
        MissingFileError: there is no such file.
        ImageError: it is not a picture, is damaged, or is too small, too large or too long.
    """
    most = checked("max_size", max_size, int | None, {"low": MINIMUM_SIDE, "high": LARGEST_WINDOWED_SIZE})
    reduction = Reduction(most, least)
    if isinstance(source, Picture):
        return source.resized(reduction.shape_of(source.shape, source.name))
    if isinstance(source, str | os.PathLike):
        data = _read_file(source if isinstance(source, str) else Path(source))
        name = Path(source).name
        return _read_data(data, name, reduction).picture(name, hashlib.sha256(data).hexdigest())
    if isinstance(source, Image.Image):
        name = Path(str(getattr(source, "filename", ""))).name or "image"
        with pillow_errors(name):
            check_size((source.height, source.width), name)
            digest = _digest(np.asarray(source))
            return _read_image(source, None, name, reduction).picture(name, digest)
    color, alpha = _split(_check_array(source))
    digest, full_shape = _digest(color), (color.shape[0], color.shape[1])
    color, alpha = _reduced(color, alpha, reduction.shape_of(full_shape, "array"))
    return _Decoded(color, alpha, full_shape).picture("array", digest)


def read_shape(path: str | Path) -> tuple[int, int]:
    """Return the (height, width) that a file's header tells, before it is turned; no pixel is decoded.

    Raises:
        MissingFileError: there is no such file.
        ImageError: it is not a picture, or is too small, too large or too long.
    """
    check_file(path, most=None)
    name = Path(path).name
    with pillow_errors(name), Path(path).open("rb") as file:
        if is_tiff(file.read(4)):  # of any size: its tags alone are looked at
            page, _ = find_page(file, name)
            shape = int(page.imagelength), int(page.imagewidth)
            check_size(shape, name, Path(path).stat().st_size)
            return shape
    with pillow_errors(name):
        image = _open(_read_file(path), name)
        return image.height, image.width


def _digest(values: Array) -> str:
    return hashlib.sha256(repr(values.shape).encode() + np.ascontiguousarray(values).tobytes()).hexdigest()


def decode_bytes(data: bytes, name: str, limit: int) -> NDArray[np.uint8]:
    """Return a file's content as a training picture.

    Args:
        data: the whole file.
        name: what messages call it.
        limit: long side in pixels to which a larger picture is reduced.

    Returns:
        uint8 (height, width, 3), sRGB, upright; alpha is dropped, and so is what it hides.

    Raises:
        ImageError: it is not a picture, is damaged, or is too small, too large or too long.
    """
    decoded = _read_data(data, name, Reduction(limit))
    color = decoded.color
    if decoded.alpha is not None:
        color = decoded.picture(name, "").pixels
    if color.dtype != np.uint8:
        color = np.rint(unit(color) * 255).astype(np.uint8)
    return _three_channels(color)


def check_file(source: str | Path, most: int | None = MAXIMUM_BYTES) -> None:
    """Check that a picture's file is there and may be read; nothing of it is read yet.

    Args:
        source: the file.
        most: bytes that it may have; any number if None.

    Raises:
        MissingFileError: there is no such file; the message names the nearest one.
        ImageError: it is a web address, a folder, a device, too large, or may not be read.
    """
    if re.match("[a-z]{2,}:/", str(source), re.IGNORECASE):
        address = re.sub(":/+", "://", str(source), count=1)  # a Path has lost one of the slashes
        raise ImageError("{address} is a web address; download it first and name the file", address=address)
    path = Path(source)
    try:
        kind = path.stat()
        _check_kind(kind, path, most)
        if not os.access(path, os.R_OK):
            raise PermissionError
    except ImageError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(_missing(path)) from error
    except PermissionError as error:
        raise ImageError("{path} may not be read by this user; change its permissions", path=path) from error
    except (OSError, ValueError) as error:
        name = str(path)[:200]
        raise ImageError("{path!r} cannot be read: {reason}", path=name, reason=reason(error)) from error


def _read_file(source: str | Path) -> bytes:
    check_file(source)
    path = Path(source)
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            return file.read(MAXIMUM_BYTES)
    except OSError as error:
        raise ImageError("{path} cannot be read: {reason}", path=path, reason=reason(error)) from error


def _check_kind(kind: os.stat_result, path: Path, most: int | None) -> None:
    if stat.S_ISDIR(kind.st_mode):
        raise ImageError("{path} is a folder; name a picture in it", path=path)
    if not stat.S_ISREG(kind.st_mode):
        raise ImageError("{path} is a device, pipe or socket; a picture must be a regular file", path=path)
    if most is not None and kind.st_size > most:
        size = kind.st_size / 2**30
        raise ImageError(
            "{name} has {size:.1f} GiB; a picture may have at most 1 GiB; save a larger photo as PNG, or as "
            "TIFF in tiles: {command}",
            name=path.name,
            size=size,
            command=TO_TILES,
        )


def _missing(path: Path) -> Message:
    folder = path.parent
    if path.is_symlink():
        return Message("{path} is a link to a file that is not there", path=path)
    if not os.path.isdir(folder):
        return Message(
            "there is no folder {folder}, in which {name} should be", folder=folder, name=path.name
        )
    names: list[str] = []
    with suppress(OSError):  # a folder that may not be listed
        names = [entry.name for entry in folder.iterdir()]
    return Message("there is no file {path}{hint}", path=path, hint=did_you_mean(path.name, names))


def _open(data: bytes, name: str) -> ImageFile.ImageFile:
    """Return `open_header`, unless the picture is of a size that is refused."""
    image = open_header(data, name)
    check_size((image.height, image.width), name, len(data))
    return image


def open_header(data: bytes, name: str) -> ImageFile.ImageFile:
    """Return the image behind the first format that knows the data; only its header is read.

    Not `Image.open`: that tries formats which run programs (EPS), and warns and refuses by a limit that
    belongs to the whole process.
    """
    if not data:
        raise ImageError("{name} is empty (0 bytes)", name=name)
    Image.init()
    failure: Exception | None = None
    for form in (*FORMATS, *_heic(data, name)):
        factory, accept = Image.OPEN.get(form, (None, None))
        if factory is None or (accept is not None and accept(data[:16]) is not True):
            continue
        try:
            image = factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, KeyError, ValueError, OSError) as error:
            failure = error
            continue
        opened: ImageFile.ImageFile = image
        return opened
    if failure is not None:
        raise refusal(name, failure) from failure
    kinds = READABLE_WITH_HEIF if find_spec("pillow_heif") else READABLE
    raise ImageError("{name} is not a picture that can be read; {kinds} can", name=name, kinds=kinds)


def _heic(data: bytes, name: str) -> tuple[str, ...]:
    if data[4:8] != b"ftyp" or not HEIC_BRANDS & {data[i : i + 4] for i in range(8, 64, 4)}:
        return ()
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(
            "{name} is a HEIC picture; run 'pip install pillow-heif' or save it as JPEG", name=name
        ) from error
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def check_size(
    shape: tuple[int, ...], name: str, file_bytes: int | None = None, most: int = MAXIMUM_PIXELS
) -> None:
    """Refuse a picture that is too small, too long or too large.

    Args:
        shape: (height, width[, channels]).
        name: what messages call it.
        file_bytes: of its file, which must be enough for what its header claims.
        most: pixels that it may have.

    Raises:
        ImageError: it is.
    """
    height, width = shape[:2]
    size = Message("{name} has {width} x {height} px", name=name, width=width, height=height)
    if min(height, width) < MINIMUM_SIDE:
        raise ImageError("{size}; at least {least} px are needed on each side", size=size, least=MINIMUM_SIDE)
    if max(height, width) > MAXIMUM_ASPECT * min(height, width):
        raise ImageError(
            "{size}; one side may be at most {most} times the other",
            size=size,
            most=MAXIMUM_ASPECT,
        )
    if height * width > most:
        raise ImageError(
            "{size}; at most {most} megapixels can be read at once; save a larger photo as PNG, or as TIFF "
            "in tiles: {command}",
            size=size,
            most=most // 10**6,
            command=TO_TILES,
        )
    if file_bytes and height * width > max(2**24, PIXELS_PER_BYTE * file_bytes):
        raise ImageError(
            "{size} by its header, but only {file_bytes} bytes, which no photo has",
            size=size,
            file_bytes=file_bytes,
        )


def _read_data(data: bytes, name: str, reduction: Reduction) -> _Decoded:
    """Decode a file's content."""
    with pillow_errors(name):
        if is_tiff(data):
            return _read_tiff(find_photo(data, name), len(data), reduction)
        return _read_image(_open(data, name), data, name, reduction)


def _read_tiff(photo: TiffPhoto, size: int, reduction: Reduction) -> _Decoded:
    name, notes = photo.name, list[str]()
    check_size(photo.shape, name, size)
    exif, block, orientation = tiff_exif(io.BytesIO(photo.data), photo.page, name, notes)
    shape = reduction.shape_of(photo.shape, name)
    declared = photo.profile or declared_by_exif(exif)
    full_shape = photo.shape
    if photo.by_pillow():  # it turns the picture by itself
        image, orientation = _open(photo.data, name), 1
        shape = shape if (image.height, image.width) == photo.shape else shape[::-1]
        full_shape = image.height, image.width
        pixels = decode(image, lambda: _open(photo.data, name), declared, name, shape, notes)
    else:
        pixels = decode_samples(photo.samples(), declared, name, notes)
    color, alpha = _reduced(*pixels, shape)
    if photo.pages > 1:
        notes.insert(0, _first_of(name, photo.pages, 1))
    return _upright(_Decoded(color, alpha, full_shape, block, notes), orientation)


def _read_image(image: Image.Image, data: bytes | None, name: str, reduction: Reduction) -> _Decoded:
    """Decode an opened image, of a file that is no TIFF or from somebody's hands."""
    notes: list[str] = []
    full_shape = (image.height, image.width)
    shape = reduction.shape_of(full_shape, name)
    if isinstance(image, ImageFile.ImageFile) and data is not None:
        image.draft(None, (2 * shape[1], 2 * shape[0]))  # JPEG: decode at 1/2, 1/4, 1/8 if that is enough
    early = read_exif(image, name, notes) if image.format == "TIFF" else None  # Pillow turns it by itself
    declared = declared_colors(image, data, name, notes)
    reopen = None if data is None else lambda: _open(data, name)
    color, alpha = _reduced(*decode(image, reopen, declared, name, shape, notes), shape)
    # the tags of a PNG may follow its pixels
    exif, orientation = (early[0], 1) if early else read_exif(image, name, notes)
    frames = count_frames(image)
    if frames > 1:
        notes.insert(0, _first_of(name, frames, 1 + int(image.tell())))
    return _upright(_Decoded(color, alpha, full_shape, exif, notes), orientation)


def _first_of(name: str, count: int, number: int) -> Message:
    if number == 1:
        return Message("{name} has {count} frames or pages; the first is used", name=name, count=count)
    return Message(
        "{name} has {count} frames or pages; number {number} is used", name=name, count=count, number=number
    )


def _upright(decoded: _Decoded, orientation: int) -> _Decoded:
    color, alpha = (upright(plane, orientation) for plane in (decoded.color, decoded.alpha))
    height, width = decoded.full_shape
    full_shape = (width, height) if orientation >= 5 else (height, width)
    return replace(decoded, color=color, alpha=alpha, full_shape=full_shape)


def _reduced(color: Array, alpha: Array | None, shape: tuple[int, int]) -> tuple[Array, Array | None]:
    if color.shape[:2] == shape:
        return color, alpha
    return resize_visible(unit(color), None if alpha is None else unit(alpha), shape)


def _three_channels(values: Array) -> Array:
    return np.ascontiguousarray(np.broadcast_to(np.atleast_3d(values), (*values.shape[:2], 3)))


def check_kind(source: Any) -> None:
    """Refuse what is no picture by its type.

    Raises:
        ImageError: it is neither a path nor a Pillow image, a `Picture` or an array.
    """
    if not isinstance(source, str | os.PathLike | Image.Image | Picture) and not hasattr(source, "__array__"):
        raise ImageError(
            "a picture must be a path, a Pillow image or an array, not {kind}", kind=type(source).__name__
        )


def _check_array(source: Any) -> Array:
    """Return the array, its floats clipped to [0, 1], or raise an ImageError that says what is allowed."""
    check_kind(source)
    array = np.asarray(source)
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise ImageError(
            "an array must be (height, width[, 1, 3 or 4 channels]), not {shape}", shape=array.shape
        )
    check_size(array.shape, "the array")
    if array.dtype in (np.uint8, np.uint16):
        return array
    if array.dtype.kind != "f":
        raise ImageError(
            "an array must hold uint8, uint16 or floats in [0, 1], not {dtype}", dtype=array.dtype
        )
    return check_floats(array, "an array of floats")


def _split(array: Array) -> tuple[Array, Array | None]:
    return (array[..., :3], array[..., 3]) if array.shape[2:] == (4,) else (array, None)
