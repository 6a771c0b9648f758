"""From an opened Pillow image to arrays: modes, 16 bits, color profiles, orientation, errors.

`reading.py` decides what is opened and in which size; what a pixel means is decided here.
"""

from __future__ import annotations

import functools
import io
import re
import struct
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from impasto.errors import ImageError, ImpastoError, Message
from impasto.pictures.color_spaces import ColorSpace

Array = NDArray[Any]
Declared = bytes | ColorSpace | None
"""An ICC profile, a color space, or nothing said."""
Pixels = tuple[Array, Array | None]
"""Color (height, width) or (height, width, 1, 3) and alpha (height, width) or None; full range or [0, 1]."""

UNKNOWN_KIND = re.compile(
    r"unsupported|not supported|cannot handle|unknown (pixel|raw) mode|requires .* package", re.IGNORECASE
)
"""What libraries say of files that they do not know, and that may be whole."""
MAXIMUM_PIXELS = 200_000_000
ORIENTATION, EXIF_BLOCK, GPS_BLOCK = 274, 34665, 34853
DESCRIPTIVE_TAGS = frozenset((270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432, 34665, 34853))
"""EXIF tags that describe the picture rather than the layout of its file."""

FOREIGN = "B" if sys.byteorder == "little" else "L"
LOW_BYTES = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"), ("N", FOREIGN))
}
"""Pillow unpacks 16-bit colors to their high bytes; read in the other byte order it gives the low ones."""


@functools.cache
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB, the same bytes on every day."""
    profile = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return profile[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + profile[36:]


class _Silence:
    """Silences Pillow's warnings while at least one thread is inside; filters belong to the process."""

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.filters = warnings.catch_warnings()
                self.filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self.inside += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.filters.__exit__(None, None, None)


_silence = _Silence()


@contextmanager
def pillow_errors(name: str) -> Iterator[None]:
    """Silence Pillow's warnings and make any error of it an ImageError about the named file."""
    try:
        with _silence:
            yield
    except ImpastoError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(
            "{name} has too many pixels; at most {value} megapixels", name=name, value=MAXIMUM_PIXELS // 10**6
        ) from error
    except MemoryError as error:
        raise ImageError("{name} does not fit in memory; reduce it first", name=name) from error
    except Exception as error:  # on damaged files Pillow's errors are of any class
        raise refusal(name, error) from error


def refusal(name: str, error: BaseException) -> ImageError:
    """Return what to say of a file that cannot be read: its kind is not known, or it is damaged."""
    if "closed image" in str(error):
        return ImageError("the image {name} has been closed; open it again", name=name)
    if isinstance(error, NotImplementedError) or UNKNOWN_KIND.search(str(error)):
        return ImageError(
            "{name} is of a kind that is not supported: {reason}; save it as PNG or TIFF",
            name=name,
            reason=reason(error),
        )
    return ImageError("{name} is damaged or cut short: {reason}", name=name, reason=reason(error))


def reason(error: BaseException) -> str:
    """Return a foreign error's first line, short enough for the end of a sentence."""
    text = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
    return str(text)[:120].rstrip(". ")


def decode(
    image: Image.Image,
    reopen: Callable[[], Image.Image] | None,
    declared: Declared,
    name: str,
    shape: tuple[int, int],
    notes: list[str],
) -> Pixels:
    """Return color and alpha in sRGB, as they lie in the file (not yet upright).

    Args:
        image: of any mode Pillow has.
        reopen: opens the same file again, to read the low bytes of 16-bit colors; None gives 8 bits.
        declared: what the numbers are declared to be; None is sRGB.
        name: what messages call the picture.
        shape: (height, width) to which opaque 8-bit pictures are reduced; others stay as they are.
        notes: gets a sentence for whatever had to be decided.

    Raises:
        ImageError: floating values are not finite or not in [0, 1].
    """
    deep = deep_samples(image, reopen, name)
    if deep is not None:
        return _deep_to_srgb(deep[0], declared, name, notes), deep[1]
    color, alpha = _flat(image)
    if alpha is None:
        color = _reduce(color, shape)
    return _flat_to_srgb(color, declared, name, notes), None if alpha is None else np.asarray(alpha)


def decode_samples(pixels: Pixels, declared: Declared, name: str, notes: list[str]) -> Pixels:
    """Return the samples of a TIFF that Pillow does not read as color and alpha in sRGB.

    Args:
        pixels: color (height, width[, 3 or 4 for CMYK]) and alpha.
        declared: what the numbers are declared to be; None is sRGB.
        name: what messages call the picture.
        notes: gets a sentence for whatever had to be decided.

    Raises:
        ImageError: floating values are not finite or not in [0, 1].
    """
    color, alpha = (_checked_floats(plane, name) for plane in pixels)
    if color.shape[2:] == (4,):
        inks = np.ascontiguousarray(np.rint(unit(color) * 255).astype(np.uint8))
        size = (color.shape[1], color.shape[0])
        return _flat_to_srgb(Image.frombytes("CMYK", size, inks.tobytes()), declared, name, notes), alpha
    if color.dtype == np.uint8:
        return _flat_to_srgb(Image.fromarray(np.ascontiguousarray(color)), declared, name, notes), alpha
    return _deep_to_srgb(color, declared, name, notes), alpha


def _checked_floats(values: Any, name: str) -> Any:
    if values is None or values.dtype.kind != "f":
        return values
    return check_floats(values.astype(np.float32), f"the range of {name}")


def unit(values: Array) -> NDArray[np.float32]:
    """Return integers of their full range, or floats as they are, as float32 in [0, 1]."""
    scaled = values.astype(np.float32)
    if values.dtype.kind != "f":
        scaled /= np.float32(np.iinfo(values.dtype).max)
    return scaled


def check_floats(values: Array, name: str) -> Array:
    """Return floats clipped to [0, 1]; more than a rounding error beyond is an ImageError."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low + high):
        raise ImageError("{name} must be finite, but it holds NaN or infinity", name=name)
    if low < -1e-6 or high > 1 + 1e-6:
        raise ImageError(
            "{name} must lie in [0, 1], but it spans [{low:g}, {high:g}]; scale it first",
            name=name,
            low=low,
            high=high,
        )
    return np.clip(values, 0, 1)


def read_exif(image: Image.Image, name: str, notes: list[str]) -> tuple[bytes | None, int]:
    """Return the EXIF block as it is and the orientation, 1 to 8."""
    try:
        exif = image.getexif()
        return _described(exif, image.info.get("exif"))
    except Exception:  # of any class; a damaged EXIF block is no reason to refuse the pixels
        notes.append(Message("the EXIF data of {name} are damaged and were ignored", name=name))
        return None, 1


def tiff_exif(
    file: IO[bytes], page: Any, name: str, notes: list[str]
) -> tuple[Image.Exif, bytes | None, int]:
    """Return the tags of a directory in a TIFF file, those that describe the picture, the orientation.

    Args:
        file: TIFF or BigTIFF; it is read as long as the tags are.
        page: tifffile's view of the directory.
        name: what messages call the picture.
        notes: gets a sentence if the tags are damaged.
    """
    exif = Image.Exif()
    try:
        exif.endian, exif.bigtiff = page.parent.byteorder, page.parent.is_bigtiff
        exif.load_from_fp(file, page.offset)
        return exif, *_described(exif, None)
    except Exception:  # of any class; damaged tags are no reason to refuse the pixels
        notes.append(Message("the EXIF data of {name} are damaged and were ignored", name=name))
        return Image.Exif(), None, 1


def _described(exif: Image.Exif, block: bytes | None) -> tuple[bytes | None, int]:
    orientation = exif.get(ORIENTATION, 1)
    if block is None and len(exif):
        copied = Image.Exif()
        copied.endian = exif.endian
        for tag in DESCRIPTIVE_TAGS & set(exif):
            copied[tag] = exif.get_ifd(tag) if tag in (EXIF_BLOCK, GPS_BLOCK) else exif[tag]
        block = copied.tobytes()
    return block, orientation if orientation in range(1, 9) else 1


def count_frames(image: Image.Image) -> int:
    """Return the number of frames or pages; the second picture of a JPEG is a preview or a depth map."""
    try:
        return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
    except Exception:  # a damaged later frame does not matter
        return 1


def deep_samples(image: Image.Image, reopen: Callable[[], Image.Image] | None, name: str) -> Pixels | None:
    """Return the pixels of a picture with more than 8 bits, as they are in the file; None for any other.

    The arguments are `decode`'s.
    """
    if image.mode.startswith("I;16"):
        return _deep_gray(image)
    if image.mode in ("I", "F"):
        scaled = np.asarray(image) / (65535 if image.mode == "I" else 1)
        return check_floats(scaled, f"the range of {name}"), None
    tiles = getattr(image, "tile", None)
    if reopen is None or not tiles:
        return None
    raw = tiles[0].args if isinstance(tiles[0].args, str) else tiles[0].args[0]
    if raw == "LA;16B":  # RGBA is the same four bytes: high and low of gray, high and low of alpha
        _set_raw_mode(image, "RGBA")
        pairs: Array = np.asarray(image).astype(np.uint16)
        return pairs[..., 0] << 8 | pairs[..., 1], pairs[..., 2] << 8 | pairs[..., 3]
    if raw not in LOW_BYTES:
        return None
    low = reopen()
    _set_raw_mode(low, LOW_BYTES[raw])
    values: Array = np.asarray(image).astype(np.uint16) << 8 | np.asarray(low)
    if values.shape[2] == 4:
        return values[..., :3], values[..., 3]
    key = image.info.get("transparency")
    return values, None if key is None else np.where((values == key).all(axis=2), 0, 255).astype(np.uint8)


def _deep_gray(image: Image.Image) -> Pixels:
    values = np.asarray(image).astype(np.uint16)
    key = image.info.get("transparency")
    alpha = None if key is None else np.where(values == key, 0, 255).astype(np.uint8)
    bits = getattr(image, "tag_v2", {}).get(258, (16,))[0]
    return (unit(values) * np.float32(65535 / 4095) if bits == 12 else values), alpha


def _set_raw_mode(image: Any, raw: str) -> None:
    image.tile = [
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))
        for tile in image.tile
    ]


def _flat(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return an 8-bit picture as L, RGB, CMYK or LAB, and its alpha as L or None."""
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
        color = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
        return color, image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        image.load()
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _reduce(image: Image.Image, shape: tuple[int, int]) -> Image.Image:
    if image.size == shape[::-1]:
        return image
    return image.resize(shape[::-1], Image.Resampling.LANCZOS, reducing_gap=3)


def _flat_to_srgb(image: Image.Image, declared: Declared, name: str, notes: list[str]) -> Array:
    """Return a picture of 8 bits in sRGB, (height, width) or (height, width, 3)."""
    if not isinstance(declared, ColorSpace):
        return np.asarray(_to_srgb(image, declared, name, notes))
    return declared.to_srgb(np.asarray(_to_srgb(image, None, name, notes)))


def _to_srgb(image: Image.Image, profile: bytes | None, name: str, notes: list[str]) -> Image.Image:
    """Return L or RGB in sRGB; a profile that cannot be used is left out, with a note."""
    if profile or image.mode == "LAB":
        try:
            return _convert(image, profile)
        except Exception:  # of any class, as LittleCMS and Pillow raise it
            notes.append(
                Message("the color profile of {name} does not fit or is damaged and was ignored", name=name)
            )
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _convert(image: Image.Image, profile: bytes | None) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
    mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}[source.profile.xcolor_space.strip()]
    gray = image
    if (image.mode, mode) == ("L", "RGB"):
        image = image.convert("RGB")
    target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    transform = ImageCms.buildTransform(source, target, mode, "RGB", intent, flags)
    if image.mode != mode:
        raise ValueError(f"a profile of {mode} in a picture of {image.mode}")
    if mode == "RGB":  # a profile that is sRGB under any name changes nothing, not even by rounding
        steps = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), axis=-1).reshape(
            18, -1, 3
        )
        changed = np.asarray(transform.apply(Image.fromarray(steps)))  # type: ignore[no-untyped-call]
        if np.abs(changed.astype(int) - steps).max() <= 1:
            return gray
    return transform.apply(image)  # type: ignore[no-any-return, no-untyped-call]


def _deep_to_srgb(color: Array, declared: Declared, name: str, notes: list[str]) -> Array:
    if not declared:
        return color
    if isinstance(declared, ColorSpace):
        return declared.to_srgb(color)
    before = Image.fromarray(np.rint(unit(color) * 255).astype(np.uint8))
    after = _to_srgb(before, declared, name, notes)
    if after is before:
        return color
    notes.append(Message("the colors of {name} were converted to sRGB in 8 of their 16 bits", name=name))
    return np.asarray(after)


def upright(values: Any, orientation: int) -> Any:
    """Return an array (or None) turned as its EXIF orientation, 1 to 8, asks.

    Orientations 5 to 8 exchange rows and columns; the others only mirror.
    """
    if values is None:
        return None
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values[:, ::-1] if orientation in (2, 3, 6, 7) else values
