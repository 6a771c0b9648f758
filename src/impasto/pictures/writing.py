"""Pictures outward: arrays become files.

A file is written whole or not at all (`files.write_whole`). Values are clipped and rounded, never stretched.
Text that is not Unicode, as of a file's name in another encoding, is escaped, so that it never stops a
picture from being written and comes back out of the recipe as it was.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin, TiffImagePlugin

from impasto.errors import Argument, ImageError, Message, OutputError, SettingError, did_you_mean
from impasto.files import check_place, parsed_json, write_whole
from impasto.pictures.decoding import (
    DESCRIPTIVE_TAGS,
    EXIF_BLOCK,
    GPS_BLOCK,
    ORIENTATION,
    pillow_errors,
    srgb_profile,
    tiff_exif,
)
from impasto.pictures.tiff import find_page, is_tiff

Array = NDArray[Any]

JPEG, TIFF = "JPEG", "TIFF"
OUTPUT_FORMATS = {".png": "PNG", ".jpg": JPEG, ".jpeg": JPEG, ".webp": "WEBP", ".avif": "AVIF"}
OUTPUT_FORMATS |= {".tif": TIFF, ".tiff": TIFF}
DEEP_FORMATS = ("PNG", "TIFF")
LONGEST_SIDES = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_536}
READ_FORMATS = (*sorted(set(OUTPUT_FORMATS.values())), "GIF")
"""Of files with recipes."""
RECIPE_KEY = "impasto"
USER_COMMENT = 37510
DROPPED_TAGS = frozenset((37500, 37510, 40965, 42240))
"""Maker notes (their inner offsets would break), the old comment, and what would say another color space
than sRGB: interoperability and gamma."""
JPEG_EXIF_BYTES = 65_000
JPEG_COMMENT_BYTES = 30_000
"""Longer recipes, as with painted masks, leave no room for EXIF data: in JPEG they are comment segments."""
JPEG_SEGMENT = 65_533 - len(RECIPE_KEY) - 1
"""Bytes of a recipe in one of them."""


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """How a picture is written.

    Attributes:
        alpha: (height, width) in [0, 1], or None.
        exif: the photo's EXIF block; kept but for orientation, thumbnail, maker notes and GPS.
        recipe: a JSON object as text, by which the picture can be made again.
        overwrite: whether an existing file may be replaced.
        quality: 1 to 100, of JPEG, WebP (100 is lossless) and AVIF.
        bit_depth: 8, or in PNG and TIFF 16.
        keep_gps: whether the place where the photo was taken stays in the EXIF block.
    """

    alpha: Array | None = None
    exif: bytes | None = None
    recipe: str | None = None
    overwrite: bool = False
    quality: int = 95
    bit_depth: int = 8
    keep_gps: bool = False

    def __post_init__(self) -> None:
        check_encoding(self.quality, self.bit_depth)


def check_encoding(quality: int, bit_depth: int = 8) -> None:
    """Refuse a quality that is not from 1 to 100 and a depth that is neither 8 nor 16.

    Raises:
        SettingError: it is one of these.
    """
    if not 1 <= quality <= 100:
        raise SettingError(
            "{name} must be from 1 to 100, not {value!r}", name=Argument("quality"), value=quality
        )
    if bit_depth not in (8, 16):
        raise SettingError(
            "{name} must be 8 or 16, not {value!r}", name=Argument("bit_depth"), value=bit_depth
        )


def check_output(
    path: str | Path, *, overwrite: bool, inputs: Iterable[str | Path] = (), bit_depth: int = 8
) -> None:
    """Return if a picture can be written there; to be asked before any computation.

    Args:
        path: where to.
        overwrite: whether an existing file may be replaced.
        inputs: files that are read, which are never replaced.
        bit_depth: 8 or 16, which the format must be able to hold.

    Raises:
        SettingError: the extension is missing, unknown or of a format without 16 bits.
        OutputError: the file exists, is an input, or cannot be written.
    """
    path = Path(path)
    _format(path, bit_depth)
    check_free(path, overwrite=overwrite, inputs=inputs)


def check_free(path: Path, *, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Return if a file of whatever format can be written there.

    Args:
        path: where to.
        overwrite: whether an existing file may be replaced.
        inputs: files that are read, which are never replaced.

    Raises:
        OutputError: the file exists, is an input, or cannot be written.
    """
    exists = "\0" not in str(path) and os.path.lexists(path)
    for source in inputs:
        if exists and _is_same(path, Path(source)):
            raise OutputError(
                "{path} is the input {source}, which is never replaced; choose another name",
                path=path,
                source=source,
            )
    if exists and not overwrite and not os.path.isdir(path):
        raise OutputError(
            "{path} already exists; add {overwrite} or choose another name",
            path=path,
            overwrite=Argument("overwrite=True"),
        )
    check_place(path)


def write_picture(path: str | Path, pixels: Array, options: OutputOptions | None = None) -> list[str]:
    """Write a picture; the format follows from the extension.

    Args:
        path: where to: PNG, JPEG, WebP, AVIF or TIFF.
        pixels: (height, width, 3), sRGB; values beyond [0, 1] are clipped.
        options: alpha, metadata, quality and depth.

    Returns:
        Sentences without a full stop about what the file could not hold.

    Raises:
        SettingError: the extension is missing, unknown or of a format without 16 bits.
        ImageError: the array has a wrong shape or values that are not finite.
        OutputError: the file exists, is too large for its format, or cannot be written.
    """
    path, options = Path(path), options or OutputOptions()
    notes: list[str] = []
    if options.recipe is not None:
        options = replace(options, recipe=unicode_text(options.recipe))
    form = _format(path, options.bit_depth)
    alpha = options.alpha
    if form == "JPEG" and alpha is not None:
        alpha = None
        notes.append(
            Message(
                "{name} has no transparency, as JPEG has none; PNG, WebP, AVIF and TIFF keep it",
                name=path.name,
            )
        )
    values = levels(pixels, alpha, 2**options.bit_depth - 1)
    limit = LONGEST_SIDES.get(form)
    if limit and max(values.shape) > limit:
        raise OutputError(
            "{path} cannot be written: {form} allows {limit} px a side; choose .png or .tif",
            path=path,
            form=form,
            limit=limit,
        )
    exif = photo_exif(options, (values.shape[0], values.shape[1]), form, notes)
    try:
        with pillow_errors(path.name):
            data = _encode(values, form, exif, options)
    except ImageError as error:
        raise OutputError(
            "{path} cannot be written as {form}: {error}", path=path, form=form, error=error
        ) from error
    write_whole(path, lambda file: file.write(data), overwrite=options.overwrite)
    return notes


def read_recipe(path: str | Path) -> str | None:
    """Return the recipe in a picture that Impasto wrote, or None if there is none.

    Raises:
        ImageError: the file is not there or is not a picture.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise ImageError("there is no picture {path}", path=path)
    with pillow_errors(path.name), path.open("rb") as file:
        if is_tiff(file.read(4)):  # of any size: its tags alone are looked at
            text = _of_exif(tiff_exif(file, find_page(file, path.name)[0], path.name, [])[0])
        else:
            text = _of_image(file)
    try:
        return text if isinstance(parsed_json(text), dict) else None
    except ValueError:
        return None  # somebody else's comment


def _of_image(file: IO[bytes]) -> str:
    """Return the recipe in a file that is no TIFF; somebody else's comment, or nothing, if there is none."""
    with Image.open(file, formats=READ_FORMATS) as image:
        text = image.info.get(RECIPE_KEY)
        if text is None and image.format == "GIF":
            text = bytes(image.info.get("comment", b"")).decode(errors="replace")
        return _of_exif(image.getexif()) or _of_segments(image) if text is None else str(text)


def _of_exif(exif: Image.Exif) -> str:
    """Return the comment in EXIF data, or nothing."""
    comment = exif.get_ifd(EXIF_BLOCK).get(USER_COMMENT, b"")
    comment = comment if isinstance(comment, bytes) else b""
    order = "utf-16-le" if exif.endian == "<" else "utf-16-be"
    encoding = {b"ASCII": "ascii", b"UNICODE": order}.get(comment[:8].rstrip(b"\0"), "latin-1")
    return comment[8:].decode(encoding, errors="replace").rstrip("\0 ")


def _of_segments(image: Image.Image) -> str:
    """Return the recipe that a JPEG's comment segments hold; nothing if there is none."""
    mark = RECIPE_KEY.encode() + b"\0"
    segments = [data for name, data in getattr(image, "applist", []) if name == "COM"]
    return b"".join(data.removeprefix(mark) for data in segments if data.startswith(mark)).decode()


def _segments(recipe: str) -> bytes:
    """Return a recipe as a JPEG's comment segments (ITU T.81, B.2.4.5), each marked as part of one."""
    mark, data = RECIPE_KEY.encode() + b"\0", recipe.encode()
    parts = [mark + data[start : start + JPEG_SEGMENT] for start in range(0, len(data), JPEG_SEGMENT)]
    return b"".join(b"\xff\xfe" + struct.pack(">H", len(part) + 2) + part for part in parts)


def picture_to_pil(pixels: Array, alpha: Array | None = None) -> Image.Image:
    """Return a Pillow image, RGB or RGBA, of (height, width, 3) and (height, width) in [0, 1]."""
    return Image.fromarray(levels(pixels, alpha, 255))


def contact_sheet(
    rows: Sequence[Sequence[Array]], labels: Sequence[Sequence[str]], *, height: int = 256, gap: int = 8
) -> NDArray[np.float32]:
    """Return pictures in rows, each with its label below, on white.

    Args:
        rows: pictures (h, w, 3) in [0, 1], any sizes.
        labels: one per picture, in the same rows; too long ones are cut.
        height: of every picture in pixels.
        gap: pixels between pictures.

    Returns:
        float32 (height, width, 3) in [0, 1].
    """
    text = max(11, height // 16)
    font = ImageFont.load_default(size=text)
    cells = [[picture_to_pil(picture) for picture in row] for row in rows]
    cells = [
        [c.resize((max(1, round(c.width * height / c.height)), height), 1) for c in row] for row in cells
    ]
    width = max(sum(cell.width + gap for cell in row) for row in cells) + gap
    step = height + 2 * text + gap
    sheet = Image.new("RGB", (width, step * len(cells) + gap), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (row, names) in enumerate(zip(cells, labels, strict=True)):
        left, top = gap, gap + index * step
        for cell, name in zip(row, names, strict=True):
            sheet.paste(cell, (left, top))
            shown = unicode_text(name)
            while shown and draw.textlength(shown, font=font) > cell.width:
                shown = shown[:-2].rstrip("…") + "…" if len(shown) > 2 else ""
            draw.text((left, top + height + text // 4), shown, fill="black", font=font)
            left += cell.width + gap
    return np.asarray(sheet, np.float32) / np.float32(255)


def _format(path: Path, bit_depth: int) -> str:
    suffix, allowed = path.suffix.lower(), ", ".join(OUTPUT_FORMATS)
    if not suffix:
        raise SettingError(
            "the output {path!r} must end in one of {allowed}, which says its format",
            path=str(path),
            allowed=allowed,
        )
    if suffix not in OUTPUT_FORMATS:
        other = suffix in (".gif", ".bmp", ".jp2", ".heic")  # formats indeed, no slips of a finger
        near = "; choose .png" if other else did_you_mean(suffix, OUTPUT_FORMATS)
        raise SettingError(
            "the output must end in one of {allowed}, not {suffix!r}{near}",
            allowed=allowed,
            suffix=suffix,
            near=near,
        )
    if bit_depth == 16 and OUTPUT_FORMATS[suffix] not in DEEP_FORMATS:
        raise SettingError("16 bits can be written as .png, .tif or .tiff, not {suffix!r}", suffix=suffix)
    return OUTPUT_FORMATS[suffix]


def unicode_text(text: str) -> str:
    """Return text whose lone surrogates (bytes of a name that is not UTF-8) are escaped as JSON has them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _is_same(path: Path, source: Path) -> bool:
    with suppress(OSError, ValueError):  # an input may be a built-in style's name
        return path.samefile(source)
    return False


def levels(pixels: Array, alpha: Array | None, full: int) -> Array:
    """Return pixels and alpha, if there is one, rounded to whole numbers from 0 to 255 or 65535.

    Args:
        pixels: float (height, width, 3); values beyond [0, 1] are clipped.
        alpha: float (height, width), or None.
        full: the largest number.

    Raises:
        ImageError: a shape is wrong, or values are not finite.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ImageError("pixels must be (height, width, 3), not {shape}", shape=pixels.shape)
    if alpha is not None:
        if np.shape(alpha) != pixels.shape[:2]:
            raise ImageError(
                "alpha must have the shape {shape}, not {alpha}",
                shape=pixels.shape[:2],
                alpha=np.shape(alpha),
            )
        pixels = np.dstack([pixels, alpha])
    if pixels.dtype.kind != "f" or not np.isfinite(pixels).all():
        raise ImageError(
            "pixels must be finite floats, not {dtype} with NaN, infinity or integers", dtype=pixels.dtype
        )
    dtype = np.uint8 if full == 255 else np.uint16
    return np.rint(np.clip(pixels, 0, 1).astype(np.float64) * full).astype(dtype)


def photo_exif(options: OutputOptions, shape: tuple[int, int], form: str, notes: list[str]) -> Image.Exif:
    """Return the photo's EXIF data as they fit the new picture, with the recipe where EXIF holds it.

    Args:
        options: EXIF block and recipe.
        shape: (height, width) of the new picture.
        form: its format.
        notes: gets a sentence if the photo's data are left out.
    """
    recipe = None if form == "PNG" or _in_segments(form, options.recipe) else options.recipe
    own = {} if recipe is None else {USER_COMMENT: _comment(recipe)}
    try:
        exif = _kept_exif(options, shape)
        exif[EXIF_BLOCK] = {**exif.get(EXIF_BLOCK, {}), **own}
        if form != "JPEG" or len(exif.tobytes()) <= JPEG_EXIF_BYTES:
            return exif
    except Exception:  # of any class, from blocks that a camera or an editor wrote wrongly
        pass
    notes.append(Message("the photo's EXIF data are damaged or too long and were left out"))
    exif = Image.Exif()
    exif.endian = "<"
    exif[EXIF_BLOCK] = own
    return exif


def recipe_exif(recipe: str | None) -> bytes:
    """Return an EXIF block with a recipe and nothing else; an empty one if there is none."""
    if recipe is None:
        return b""
    exif = Image.Exif()
    exif.endian = "<"
    exif[EXIF_BLOCK] = {USER_COMMENT: _comment(unicode_text(recipe))}
    return _retype(exif.tobytes(), 6)


def _in_segments(form: str, recipe: str | None) -> bool:
    return form == "JPEG" and recipe is not None and len(_comment(recipe)) > JPEG_COMMENT_BYTES


def _comment(text: str) -> bytes:
    return b"ASCII\0\0\0" + text.encode() if text.isascii() else b"UNICODE\0" + text.encode("utf-16-le")


def _kept_exif(options: OutputOptions, shape: tuple[int, int]) -> Image.Exif:
    exif = Image.Exif()
    exif.endian = "<"
    if not options.exif:
        return exif
    with pillow_errors("the EXIF block"):
        photo = Image.Exif()
        photo.load(options.exif)
        for tag in DESCRIPTIVE_TAGS & set(photo) - {ORIENTATION, EXIF_BLOCK, GPS_BLOCK}:
            exif[tag] = photo[tag]
        inner = {k: v for k, v in photo.get_ifd(EXIF_BLOCK).items() if k not in DROPPED_TAGS}
        if options.keep_gps and (place := photo.get_ifd(GPS_BLOCK)):
            exif[GPS_BLOCK] = dict(place)
        exif[EXIF_BLOCK] = {**inner, 40961: 1, 40962: shape[1], 40963: shape[0]}
        exif.tobytes()  # raises here what cannot be written
    return exif


def _encode(values: Array, form: str, exif: Image.Exif, options: OutputOptions) -> bytes:
    if form == "TIFF":
        return _tiff(values, exif)
    block = _retype(exif.tobytes(), 6) if len(exif) > 1 or exif.get(EXIF_BLOCK) else b""
    if form == "PNG" and values.dtype == np.uint16:
        return _png(values, block, options.recipe)
    choices: dict[str, dict[str, Any]] = {
        "PNG": {"pnginfo": PngImagePlugin.PngInfo()},
        "JPEG": {"quality": options.quality, "subsampling": "4:4:4", "progressive": True, "optimize": True},
        "WEBP": {"quality": options.quality, "lossless": options.quality == 100, "exact": True},
        "AVIF": {"quality": options.quality, "subsampling": "4:4:4"},
    }
    more = choices[form]
    if form == "PNG" and options.recipe is not None:
        more["pnginfo"].add_itxt(RECIPE_KEY, options.recipe)
    file = io.BytesIO()
    Image.fromarray(values).save(file, form, exif=block, icc_profile=srgb_profile(), **more)
    data = file.getvalue()
    if options.recipe is not None and _in_segments(form, options.recipe):
        start = 4 + struct.unpack_from(">H", data, 4)[0]  # after JFIF's own segment, which must come first
        return data[:start] + _segments(options.recipe) + data[start:]
    return data


def _png(values: Array, exif: bytes, recipe: str | None) -> bytes:
    """Return a 16-bit PNG, which Pillow cannot write; filter "Sub" on every row (PNG, section 9)."""
    height, width, channels = values.shape
    rows = np.ascontiguousarray(values.astype(">u2")).view(np.uint8).reshape(height, -1)
    rows[:, 2 * channels :] -= rows[:, : -2 * channels].copy()
    lines = np.hstack([np.ones((height, 1), np.uint8), rows])
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0)),
        (b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile())),
    ]
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if recipe is not None:
        chunks.append((b"iTXt", RECIPE_KEY.encode() + b"\0\0\0\0\0" + recipe.encode()))
    chunks += [(b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _tiff(values: Array, exif: Image.Exif) -> bytes:
    """Return a TIFF of one strip, 8 or 16 bit: deflate after horizontal differences (TIFF 6, section 14)."""
    height, width, channels = values.shape
    differences = np.diff(values, axis=1, prepend=np.zeros((height, 1, channels), values.dtype))
    strip = zlib.compress(differences.astype(values.dtype.newbyteorder("<")).tobytes())
    bits = 8 * values.itemsize
    tags: dict[int, Any] = {tag: exif[tag] for tag in exif if exif[tag]}
    tags |= {256: width, 257: height, 258: (bits,) * channels, 259: 8, 262: 2, 273: 0, 277: channels}
    tags |= {278: height, 279: len(strip), 284: 1, 317: 2, 34675: srgb_profile()}
    if channels == 4:
        tags[338] = 2  # the alpha is not multiplied into the colors
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in tags.items():
        directory[tag] = value
    file = io.BytesIO()
    directory.save(file)
    return _retype(file.getvalue(), 0) + strip


def _retype(block: bytes, start: int) -> bytes:
    """Return little-endian EXIF or TIFF whose inner bytes have the type UNDEFINED, as EXIF 2.32 wants.

    Pillow writes them as BYTE, a type that no tag of the inner directory has; both are one byte long.
    """
    data = bytearray(block)
    outer = start + struct.unpack_from("<I", data, start + 4)[0]
    inner = 0
    for entry in _entries(data, outer):
        tag, offset = struct.unpack_from("<H6xI", data, entry)
        inner = start + offset if tag == EXIF_BLOCK else inner
    for entry in _entries(data, inner) if inner else ():
        if data[entry + 2 : entry + 4] == b"\x01\0":
            data[entry + 2] = 7
    return bytes(data)


def _entries(data: bytearray, directory: int) -> range:
    count = struct.unpack_from("<H", data, directory)[0]
    return range(directory + 2, directory + 2 + 12 * count, 12)
