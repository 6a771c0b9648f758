"""Which colors a file says it has: by an ICC profile, numbers in a chunk or a box, a camera's EXIF data.

References: PNG (W3C, third edition, 2025), section 4.3 on which of several declarations counts: cICP, iCCP,
sRGB, gAMA and cHRM; ISO/IEC 14496-12 and 23008-12 on the boxes of AVIF and HEIC; EXIF 2.32 and DCF 2.0 on
cameras' Adobe RGB.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from impasto.errors import ImageError, Message
from impasto.pictures.color_spaces import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    H273_GAMMAS,
    H273_PRIMARIES,
    HDR_TRANSFERS,
    SRGB,
    Chromaticities,
    ColorSpace,
)

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
EXIF_BLOCK, INTEROPERABILITY, COLOR_SPACE, UNCALIBRATED = 34665, 40965, 40961, 65535
GAMMAS = (0.2, 5.0)
"""Exponents that a picture can mean; others are slips, as 45455 without its factor of 100000."""


def declared_colors(image: Any, data: bytes | None, name: str, notes: list[str]) -> bytes | ColorSpace | None:
    """Return what a picture's numbers are declared to be.

    Args:
        image: the opened Pillow image.
        data: the file, or None for an image from elsewhere, of which only what Pillow kept is known.
        name: what messages call it.
        notes: gets a sentence if the declaration means nothing.

    Returns:
        An ICC profile, a color space, or None for sRGB.

    Raises:
        ImageError: the colors are high dynamic range's, or use only a part of the numbers.
    """
    profile = image.info.get("icc_profile") or None
    space = None
    with suppress(struct.error, IndexError):  # damaged boxes and chunks declare nothing
        if data is None:
            space = _from_png({}, image.info)
        elif data.startswith(PNG_HEAD):
            chunks = _png_chunks(data)
            if b"cICP" in chunks and (space := _from_codes(*_cicp(chunks[b"cICP"], name), name, notes)):
                return space
            space = _from_png(chunks, image.info)
        elif data[4:8] == b"ftyp" and profile is None:
            codes = nclx_of(data)
            space = None if codes is None else _from_codes(*codes, name, notes)
    if profile is not None:
        return bytes(profile)
    if space is None and image.format != "PNG":  # to find its EXIF data, Pillow would decode a PNG
        with suppress(Exception):  # of any class; damaged EXIF data declare nothing
            space = declared_by_exif(image.getexif())
    return None if space is None or not _is_usable(space, name, notes) else space


def _is_usable(space: ColorSpace, name: str, notes: list[str]) -> bool:
    usable = space.gamma is None or GAMMAS[0] <= space.gamma <= GAMMAS[1]
    with np.errstate(all="ignore"):
        try:
            usable = usable and bool(np.isfinite(space.to_srgb(np.full((1, 1, 3), 0.5, np.float32))).all())
        except np.linalg.LinAlgError:
            usable = False
    if not usable:
        notes.append(
            Message("the colors that {name} declares mean nothing; they were read as sRGB", name=name)
        )
    return usable


def _from_codes(primaries: int, transfer: int, name: str, notes: list[str]) -> ColorSpace | None:
    """Return the color space of H.273's code points."""
    if transfer in HDR_TRANSFERS:
        raise ImageError(
            "{name} is a high dynamic range picture ({transfer}), which is not supported; save "
            "it in sRGB or Display P3",
            name=name,
            transfer=HDR_TRANSFERS[transfer],
        )
    if primaries not in H273_PRIMARIES or transfer not in H273_GAMMAS:
        notes.append(
            Message(
                "the colors that {name} declares by numbers ({primaries}, {transfer}) are unknown",
                name=name,
                primaries=primaries,
                transfer=transfer,
            )
        )
        return None
    return ColorSpace(H273_PRIMARIES[primaries], H273_GAMMAS[transfer])


def _png_chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks before the pixels that say colors."""
    chunks: dict[bytes, bytes] = {}
    place = len(PNG_HEAD)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"IDAT":
            break
        if kind in (b"cICP", b"sRGB", b"gAMA", b"cHRM"):
            chunks[kind] = data[place + 8 : place + 8 + length]
        place += length + 12
    return chunks


def _cicp(chunk: bytes, name: str) -> tuple[int, int]:
    primaries, transfer, matrix, full_range = struct.unpack(">4B", chunk[:4])
    if matrix != 0 or full_range != 1:
        raise ImageError(
            "{name} holds video levels (cICP matrix {matrix}, full range {full_range}), which "
            "are not supported; save it in sRGB",
            name=name,
            matrix=matrix,
            full_range=full_range,
        )
    return primaries, transfer


def _from_png(chunks: Mapping[bytes, bytes], info: Mapping[str, Any]) -> ColorSpace | None:
    """Return the color space of gAMA and cHRM, which sRGB overrules; of an image that Pillow opened, too."""
    if b"sRGB" in chunks or "srgb" in info:
        return None
    gamma, points = info.get("gamma"), info.get("chromaticity")
    if b"gAMA" in chunks:
        gamma = struct.unpack(">I", chunks[b"gAMA"])[0] / 100_000
    if b"cHRM" in chunks:
        points = [number / 100_000 for number in struct.unpack(">8I", chunks[b"cHRM"])]
    if gamma is None:
        return None  # primaries alone say nothing of the numbers in between
    chromaticities: Chromaticities = SRGB
    if points is not None:
        white, red, green, blue = (tuple(points[i : i + 2]) for i in range(0, 8, 2))
        chromaticities = (red, green, blue, white)  # type: ignore[assignment]
    return ColorSpace(chromaticities, 1 / gamma if gamma else 0.0)


def declared_by_exif(exif: Any) -> ColorSpace | None:
    """Return Adobe RGB if a camera says so: an uncalibrated color space, and interoperability "R03"."""
    with suppress(Exception):  # of any class; damaged EXIF data declare nothing
        block = exif.get_ifd(EXIF_BLOCK)
        index = exif.get_ifd(INTEROPERABILITY).get(1, "")
        index = index.decode("ascii", "replace") if isinstance(index, bytes) else str(index)
        if block.get(COLOR_SPACE) == UNCALIBRATED and index.rstrip("\0 ") == "R03":
            return ColorSpace(ADOBE_RGB, ADOBE_GAMMA)
    return None


def nclx_of(data: bytes) -> tuple[int, int] | None:
    """Return the code points of primaries and transfer of the primary picture in an AVIF or HEIC file.

    Raises:
        struct.error: a box is cut short.
    """
    meta = _box(data, 0, len(data), b"meta")
    if meta is None:
        return None
    start, end = meta[0] + 4, meta[1]
    pitm, iprp = _box(data, start, end, b"pitm"), _box(data, start, end, b"iprp")
    if pitm is None or iprp is None:
        return None
    primary = struct.unpack_from(">I" if data[pitm[0]] else ">H", data, pitm[0] + 4)[0]
    ipco, ipma = _box(data, *iprp, b"ipco"), _box(data, *iprp, b"ipma")
    if ipco is None or ipma is None:
        return None
    properties = list(_boxes(data, *ipco))
    for index in _associations(data, ipma[0], primary):
        if not 1 <= index <= len(properties):
            continue
        kind, place, _ = properties[index - 1]
        if kind == b"colr" and data[place : place + 4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", data, place + 4)
            return int(primaries), int(transfer)
    return None


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each box's kind and where its content begins and ends (ISO/IEC 14496-12, section 4.2)."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        stop = end if size == 0 else start + size
        if size and size < head:
            return
        yield kind, start + head, min(stop, end)
        start = stop


def _box(data: bytes, start: int, end: int, wanted: bytes) -> tuple[int, int] | None:
    return next(((first, last) for kind, first, last in _boxes(data, start, end) if kind == wanted), None)


def _associations(data: bytes, place: int, item: int) -> list[int]:
    """Return the properties of an item, counted from 1 (ISO/IEC 23008-12, section 9.3)."""
    version, long = data[place], data[place + 3] & 1
    count = struct.unpack_from(">I", data, place + 4)[0]
    place += 8
    for _ in range(count):
        owner = struct.unpack_from(">I" if version else ">H", data, place)[0]
        place += 4 if version else 2
        number, size = data[place], 2 if long else 1
        place += 1
        if owner == item:
            form, mask = (">H", 0x7FFF) if long else (">B", 0x7F)
            return [struct.unpack_from(form, data, place + size * i)[0] & mask for i in range(number)]
        place += size * number
    return []
