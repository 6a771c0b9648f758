"""Pictures inward: files, Pillow images and arrays become float32 sRGB, upright, in [0, 1].

With `image_decoding.py` and `image_output.py` the only files that know Pillow. What comes from outside
is not trusted: what and how large a file is gets checked before its pixels are decoded, and whatever
Pillow raises leaves here as one sentence.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from impasto.errors import ImageError, MissingFileError
from impasto.pictures.decoding import (
    MAXIMUM_PIXELS,
    check_floats,
    count_frames,
    decode,
    pillow_errors,
    read_exif,
    reason,
    unit,
    upright,
)
from impasto.pictures.resizing import MINIMUM_SIDE, fit, resize

Array = NDArray[Any]
PICTURE_SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".tif", ".tiff",
    ".bmp", ".gif", ".jp2", ".j2k", ".heic", ".heif",
))  # fmt: skip
"""Lower-case suffixes of files that may be pictures; the content decides, not the name."""
MAXIMUM_ASPECT = 100
MAXIMUM_BYTES = 2**30
PIXELS_PER_BYTE = 5_000
"""A large picture that claims more is a lie: a single colour in PNG, 8 bit, has about 1,000."""
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "JPEG2000")
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc"}
READABLE = "JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF, JPEG 2000 and, with pillow-heif, HEIC"


@dataclass(frozen=True)
class Picture:
    """A picture as the rest of the product sees it.

    Attributes:
        pixels: float32 (height, width, 3), sRGB in [0, 1], upright.
        alpha: float32 (height, width) in [0, 1], or None if every pixel is opaque.
        exif: the file's EXIF block as it was, or None.
        notes: sentences without a full stop about what the reader had to decide.
        name: the file's name, or ``array``.
        sha256: of the file's bytes, or of an array's values.
    """

    pixels: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()
    name: str = "array"
    sha256: str = ""


def read_picture(source: str | Path | Image.Image | Array, *, max_size: int | None = None) -> Picture:
    """Return a picture from a file, a Pillow image or an array.

    Args:
        source: a path; a Pillow image; or an array (height, width), (height, width, 1),
            (height, width, 3) or (height, width, 4) of uint8, uint16 or floats in [0, 1], taken as sRGB.
        max_size: larger pictures are reduced to this long side in pixels; None keeps them.

    Raises:
        MissingFileError: there is no such file.
        ImageError: it is not a picture, is damaged, or is too small, too large or too long.
    """
    if isinstance(source, str | os.PathLike):
        data = _read_file(Path(source))
        name = Path(source).name
        with pillow_errors(name):
            picture = _read_image(_open(data, name), data, name, max_size)
        return _picture(*picture, name, hashlib.sha256(data).hexdigest())
    if isinstance(source, Image.Image):
        name = Path(str(getattr(source, "filename", ""))).name or "image"
        with pillow_errors(name):
            _check_size((source.height, source.width), name)
            digest = _digest(np.asarray(source))
            picture = _read_image(source, None, name, max_size)
    else:
        name = "array"
        color, opacity = _split(_check_array(source))
        digest = _digest(color)
        if max_size:
            shape = _reduced_shape((color.shape[0], color.shape[1]), max_size, name)
            color, opacity = _reduced(color, shape), _reduced(opacity, shape)
        picture = color, opacity, None, []
    return _picture(*picture, name, digest)


def _digest(values: Array) -> str:
    return hashlib.sha256(repr(values.shape).encode() + np.ascontiguousarray(values).tobytes()).hexdigest()


def decode_bytes(data: bytes, name: str, limit: int) -> NDArray[np.uint8]:
    """Return a file's content as a training picture.

    Args:
        data: the whole file.
        name: what messages call it.
        limit: long side in pixels to which a larger picture is reduced.

    Returns:
        uint8 (height, width, 3), sRGB, upright; alpha is dropped.

    Raises:
        ImageError: it is not a picture, is damaged, or is too small, too large or too long.
    """
    with pillow_errors(name):
        color = _read_image(_open(data, name), data, name, limit)[0]
    if color.dtype != np.uint8:
        color = np.rint(unit(color) * 255).astype(np.uint8)
    return _three_channels(color)


def _read_file(path: Path) -> bytes:
    if re.match("[a-z]{2,}:/", str(path)):
        raise ImageError(f"{path} is a web address; download the picture and name the file")
    try:
        kind = path.stat()
        _check_kind(kind, path)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            return file.read(MAXIMUM_BYTES)
    except ImageError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(_missing(path)) from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read by this user; change its permissions") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{str(path)[:200]!r} cannot be read: {reason(error)}") from error


def _check_kind(kind: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(kind.st_mode):
        raise ImageError(f"{path} is a folder; name a picture in it")
    if not stat.S_ISREG(kind.st_mode):
        raise ImageError(f"{path} is a device, pipe or socket; a picture must be a regular file")
    if kind.st_size > MAXIMUM_BYTES:
        size = kind.st_size / 2**30
        raise ImageError(f"{path.name} has {size:.1f} GiB; a picture may have at most 1 GiB")


def _missing(path: Path) -> str:
    folder = path.parent
    if path.is_symlink():
        return f"{path} is a link to a file that is not there"
    if not folder.is_dir():
        return f"there is no folder {folder}, in which {path.name} should be"
    names: dict[str, str] = {}
    with suppress(OSError):  # a folder that may not be listed
        names = {entry.name.lower(): entry.name for entry in folder.iterdir()}
    near = difflib.get_close_matches(path.name.lower(), names, n=1, cutoff=0.6)
    return f"there is no file {path}" + (f"; did you mean {names[near[0]]!r}?" if near else "")


def _open(data: bytes, name: str) -> ImageFile.ImageFile:
    """Return the image behind the first format that knows the data; only its header is read.

    Not `Image.open`: that tries formats which run programs (EPS), and warns and refuses by a limit that
    belongs to the whole process.
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes)")
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
        _check_size((image.height, image.width), name, len(data))
        return image
    if failure is not None:
        raise ImageError(f"{name} is damaged or cut short: {reason(failure)}") from failure
    raise ImageError(f"{name} is not a picture that can be read; {READABLE} can")


def _heic(data: bytes, name: str) -> tuple[str, ...]:
    if data[4:8] != b"ftyp" or not HEIC_BRANDS & {data[i : i + 4] for i in range(8, 64, 4)}:
        return ()
    try:
        import pillow_heif
    except ImportError as error:
        message = f"{name} is a HEIC picture; install 'impasto[heic]' or save it as JPEG"
        raise ImageError(message) from error
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _check_size(shape: tuple[int, ...], name: str, file_bytes: int | None = None) -> None:
    height, width = shape[:2]
    size = f"{name} has {width} x {height} px"
    if min(height, width) < MINIMUM_SIDE:
        raise ImageError(f"{size}; at least {MINIMUM_SIDE} px are needed on each side")
    if max(height, width) > MAXIMUM_ASPECT * min(height, width):
        raise ImageError(f"{size}; one side may be at most {MAXIMUM_ASPECT} times the other")
    if height * width > MAXIMUM_PIXELS:
        raise ImageError(f"{size}; at most {MAXIMUM_PIXELS // 10**6} megapixels can be read")
    if file_bytes and height * width > max(2**24, PIXELS_PER_BYTE * file_bytes):
        raise ImageError(f"{size} by its header, but only {file_bytes} bytes, which no photo has")


Decoded = tuple[Array, Array | None, bytes | None, list[str]]


def _read_image(image: Image.Image, data: bytes | None, name: str, max_size: int | None) -> Decoded:
    """Return color (h, w[, 1 or 3]), alpha (h, w) or None, EXIF and notes, upright and in the wanted size."""
    notes: list[str] = []
    if image.format == "TIFF":  # its tags are gone after decoding, and Pillow turns it itself
        exif, orientation = read_exif(image, name, notes)[0], 1
    shape = (image.height, image.width)
    shape = _reduced_shape(shape, max_size, name) if max_size else shape
    if isinstance(image, ImageFile.ImageFile) and data is not None:
        image.draft(None, (2 * shape[1], 2 * shape[0]))  # JPEG: decode at 1/2, 1/4, 1/8 if that is enough
    reopen = None if data is None else lambda: _open(data, name)
    color, alpha = (_reduced(plane, shape) for plane in decode(image, reopen, name, shape, notes))
    if image.format != "TIFF":  # the tags of a PNG may follow its pixels
        exif, orientation = read_exif(image, name, notes)
    frames = count_frames(image)
    if frames > 1:
        notes.insert(0, f"{name} has {frames} frames or pages; the first is used")
    return upright(color, orientation), upright(alpha, orientation), exif, notes


def _reduced_shape(shape: tuple[int, int], max_size: int, name: str) -> tuple[int, int]:
    """Return `fit`, or refuse a picture so long that `MINIMUM_SIDE` would distort it twofold."""
    short = min(shape) * min(1.0, max_size / max(shape))
    if short < MINIMUM_SIDE / 2:
        raise ImageError(
            f"{name} has {shape[1]} x {shape[0]} px, so at a long side of {max_size} px its short side would "
            f"be {short:.0f} px; at least {MINIMUM_SIDE} px are needed: crop it or choose a larger size"
        )
    return fit(shape, max_size)


def _reduced(values: Any, shape: tuple[int, int]) -> Any:
    return values if values is None or values.shape[:2] == shape else resize(unit(values), shape)


def _picture(color: Array, alpha: Array | None, exif: bytes | None, notes: list[str], *names: str) -> Picture:
    pixels = _three_channels(unit(color))
    opacity = None if alpha is None else np.ascontiguousarray(unit(alpha))
    if opacity is not None and opacity.min() == 1:
        opacity = None
    return Picture(pixels, opacity, exif, tuple(notes), *names)


def _three_channels(values: Array) -> Array:
    return np.ascontiguousarray(np.broadcast_to(np.atleast_3d(values), (*values.shape[:2], 3)))


def _check_array(source: Any) -> Array:
    """Return the array, its floats clipped to [0, 1], or raise an ImageError that says what is allowed."""
    if not hasattr(source, "__array__"):
        raise ImageError(f"a picture must be a path, a Pillow image or an array, not {type(source).__name__}")
    array = np.asarray(source)
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise ImageError(f"an array must be (height, width[, 1, 3 or 4 channels]), not {array.shape}")
    _check_size(array.shape, "the array")
    if array.dtype in (np.uint8, np.uint16):
        return array
    if array.dtype.kind != "f":
        raise ImageError(f"an array must hold uint8, uint16 or floats in [0, 1], not {array.dtype}")
    return check_floats(array, "an array of floats")


def _split(array: Array) -> tuple[Array, Array | None]:
    return (array[..., :3], array[..., 3]) if array.shape[2:] == (4,) else (array, None)
